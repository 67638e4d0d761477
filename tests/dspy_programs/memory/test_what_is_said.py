"""What must not be lost or twisted of what people and tools say: revisions, options, pages, edits, decisions of a meeting."""

import pytest

from dspy_programs.conversation import Call
from dspy_programs.memory import MemoryCompressor, MemoryStore
from dspy_programs.memory.reading.deeds import changes
from dspy_programs.memory.reading.endings import ending_of
from dspy_programs.memory.reading.html_text import is_html, text_of_html
from dspy_programs.memory.reading.options import with_options
from dspy_programs.memory.reading.piece import Rank
from dspy_programs.memory.reading.pieces import pieces_of
from dspy_programs.memory.reading.sentence_breaks import clause_of, lines_in
from dspy_programs.memory.reading.talk import asks_for_decisions, decides
from tests.dspy_programs.memory.forms import called, ranked, said

PAGE = (
    "<!doctype html><html><head><title>Basket</title><script>var x = '<p>no</p>';</script></head><body>"
    "<nav><a href='/'>Home</a></nav><article><h3>Lamp</h3><span>&pound;92.00</span><ul><li>40 dB</li></ul></article>"
    "<article><h3>Rug</h3><span>&pound;31.50</span></article><label>Name<input id='name'></label>"
    "<button id='next'>Pay</button></body></html>"
)


def test_a_page_is_told_by_its_text_a_card_a_line_without_scripts_and_menus():
    assert text_of_html(PAGE).split("\n") == ["Basket", "Lamp; £92.00; 40 dB", "Rug; £31.50", "Name; (#name)", "(#next) Pay"]
    found = [piece.text for piece in pieces_of(called("goto", {"url": "https://shop.example"}, PAGE))]
    assert "Rug; £31.50" in found and not any("<" in text for text in found)


@pytest.mark.parametrize("text", ["a < b and c > d " * 20, "<config><item>1</item></config>" * 9, "{'a': '<b>'}", ""])
def test_what_is_no_page_stays_as_it_is(text):
    assert not is_html(text)


@pytest.mark.parametrize(
    ("answered", "reply", "told"),
    [
        ("Either (a) revert the helper, or (b) keep it.", "Yes, (a).", "Yes, (a). [a: revert the helper]"),
        ("Options: A) back to 300; B) 120 with async inserts.", "Try option B.", "Try option B. [b: 120 with async inserts]"),
        ("Either 1. on Dec 3 2. on Dec 5 3. never. Which?", "Take 1.", "Take 1. [1: on Dec 3]"),
        ("1. Dec 3 at 10:00\n2. Dec 5 at 13:00", "Not 2.", "Not 2. [2: Dec 5 at 13:00]"),
        ("1. Dec 3 at 10:00\n2. Dec 5 at 13:00", "Take 2 bags.", "Take 2 bags."),
        ("There is 1. one way.", "Take 1.", "Take 1."),
    ],
)
def test_a_reply_that_names_an_option_is_told_with_it(answered, reply, told):
    assert with_options(reply, answered) == told


def test_what_revises_a_request_that_is_still_open_outlives_chatter():
    store = MemoryStore()
    store.add(
        "user", "Please plan our wedding on June 20 for 85 guests. The total budget is 28,000 dollars, and I want a plan."
    )
    for turn in range(12):
        store.add(
            "assistant", f"Vendor {turn} of Asheville offers {turn + 3},500 dollars for chairs, and {turn}50 for flowers."
        )
        store.add("user", "What else is there in the area of Asheville, and what would the other vendors say?")
    store.add("assistant", "Shall I go on?")
    store.add("user", f"{'My parents told us something sad about their work on the farm. ' * 3}So the total is 24,000 now.")
    for text in ("Do you want a cake?", "Yes, with cream.", "From a bakery?", "Yes, make the plan."):
        store.add("user" if text.startswith("Yes") else "assistant", text)
    MemoryCompressor(260, protected_recent=1).compress(store)
    live = "\n".join(entry.text for entry in store)
    assert "28,000" in live and "So the total is 24,000 now." in live


def test_a_greeting_or_a_question_of_one_word_is_no_piece_of_its_own():
    long = "We want the plan for the whole of next week, and it should be as short as you can make it. " * 2
    found = [piece.text for piece in pieces_of([said("user", f"[Mon 6 Oct, 08:12] Morning! {long}")])]
    assert found[0].startswith("[Mon 6 Oct, 08:12] Morning! We want")
    assert [piece.text for piece in pieces_of([said("assistant", "I propose a rollback. OK?")])] == [
        "I propose a rollback. OK?"
    ]


def test_a_person_who_states_values_decides_but_a_lone_digit_states_nothing():
    long = "It was a long day for all of us, and nothing came of it in the end, as you know. " * 2
    assert ranked([said("user", f"{long}Her code is KG88231907.")], Rank.DECISION) == ["Her code is KG88231907."]
    assert ranked([said("user", f"{long}It was part 7 of it.")], Rank.DECISION) == []


def test_sentences_do_not_end_after_a_day_a_title_or_an_ellipsis():
    assert lines_in("Ask Prof. Ortega. Then go.") == ["Ask Prof. Ortega.", "Then go."]
    assert lines_in("Wir reisen vom 11. bis 18. Juli. Danke.") == ["Wir reisen vom 11. bis 18. Juli.", "Danke."]
    assert lines_in("It is lower below... see the table.") == ["It is lower below... see the table."]
    assert clause_of("The sum of April to June: 214,380 dollars", 12, lambda text: len(text) // 4, at_colons=False) == ""


@pytest.mark.parametrize(
    ("name", "given", "result", "value", "changed"),
    [
        ("Edit", {"file_path": "a.py", "old_string": "x", "new_string": "y"}, "Updated. " + "1 x\n" * 200, None, True),
        ("MultiEdit", {"file_path": "a.py", "edits": [{"old_string": "x", "new_string": "y"}]}, "Applied", None, True),
        ("str_replace_based_edit_tool", {"command": "view", "path": "a.py"}, "1 x", None, False),
        ("page", {"team": "payments"}, "", {"page_id": "PG-1", "assigned": "Hanna"}, True),
        ("search", {"query": "x"}, "", {"search_id": "s-1", "hits": []}, False),
        ("Bash", {"command": 'psql "$DSN" -c "select id from invoices"'}, "1", None, False),
        ("Bash", {"command": 'psql "$DSN" -c "delete from invoices"'}, "1", None, True),
        ("shell", {"command": "kubectl --context stg -n telemetry get pods"}, "x", None, False),
        ("shell", {"command": "kubectl --context stg -n telemetry delete pod x"}, "x", None, True),
    ],
)
def test_edits_and_new_ids_are_deeds_and_queries_are_not(name, given, result, value, changed):
    assert changes(Call(name, given), result, value) is changed


@pytest.mark.parametrize(
    ("value", "ending"),
    [
        ({"pod": "x", "status": "CrashLoopBackOff", "last_error": "config: TTL missing"}, "failed"),
        ({"pod": "x", "status": "healthy", "last_error": None}, "done"),
        ({"exception": "EX-318", "status": "granted"}, "done"),
        ({"exception": "KeyError: 'x'", "status": "x"}, "failed"),
    ],
)
def test_a_deed_that_tells_an_error_failed_and_a_granted_exception_is_none(value, ending):
    assert ending_of(str(value), True, value) == ending


def test_where_minutes_are_asked_for_decisions_come_before_rare_words():
    assert asks_for_decisions("Write the minutes: decisions, who does what by when.")
    assert decides("Then it's decided: launch on April 14th.") and not decides("Shall we launch on April 14th?")
    store = MemoryStore()
    store.add("user", "At the end, write the minutes: the decisions, and who does what.")
    for turn in range(14):
        store.add("user", f"Ann Lee: Curious marmalade umbrellas wobble near quixotic lighthouse number {turn * 37}.")
        store.add("user", f"Bo Berg: Velvet harmonicas and zeppelins puzzle the archivist of volume {turn * 91}.")
    store.add("user", "Ann Lee: Okay, then it's decided that we go with the second one of them.")
    store.add("user", "Bo Berg: Fine.")
    store.add("user", "Ann Lee: Thanks.")
    MemoryCompressor(200, protected_recent=1).compress(store)
    assert any("it's decided that we go with" in entry.text for entry in store)

"""Many deeds in few lines: nothing false, the first argument always there."""

import re

from dspy_programs.conversation import Call
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.deed_lines import Deed, deed_of, together, told
from dspy_programs.memory.reading.replies import is_output
from dspy_programs.memory.reading.sentence_breaks import beginning_of, clause_of, lines_in
from dspy_programs.memory.reading.talk import is_talk, speaker_of

PLOT = Deed("plot", ('start="2023-10-09"', 'kind="bar"'))
WIDE, NARROW = 10_000, 0


def fitted(deeds, share=NARROW, room=WIDE):
    return together(deeds, share, room, len)


def test_equal_deeds_are_told_once_with_their_number():
    assert fitted([("done: ", PLOT)] * 13, WIDE) == {12: 'plot(start="2023-10-09", kind="bar") (13 times)'}
    assert len(fitted([("done: ", PLOT), ("failed: ", PLOT)])) == 2


def test_a_run_that_differs_in_values_only_is_one_line():
    deeds = [("done: ", Deed("update", (f'id="{n}"', 'status="Lost"'))) for n in range(3)]
    assert fitted(deeds) == {2: 'update(id="0" | "1" | "2", status="Lost")'}
    assert fitted(deeds, WIDE) == {n: f'update(id="{n}", status="Lost")' for n in range(3)}
    other = ("done: ", Deed("update", ('id="9"', 'status="Won"')))
    assert len(fitted([*deeds, other])) == 2
    assert fitted([*deeds[:1], other]) == {1: 'update(id="0", status="Lost" | "9", "Won")'}


def test_a_run_of_many_is_several_lines_and_loses_none():
    deeds = [("done: ", Deed("delete", (f"id={n}",))) for n in range(3_000)]
    texts = fitted(deeds)
    assert max(map(len, texts.values())) < 300
    assert re.findall(r"\d+", " ".join(texts.values())) == [str(n) for n in range(3_000)]


def test_the_oldest_deeds_shrink_first_and_none_goes():
    deeds = [
        ("done: ", Deed("send", (f"to=a{n}", f"body={'word ' * n * 20}"), f" -> id: m{n}", f" -> id: m{n}")) for n in (1, 2, 3)
    ]
    full = [deed.text for _, deed in deeds]
    texts = fitted(deeds, share=len(full[1] + full[2]) + 60)
    assert [texts[0], texts[1], texts[2]] == ["send(to=a1, (1 more)) -> id: m1", *full[1:]]
    assert list(fitted(deeds).values()) == [f"send(to=a{n}, (1 more)) -> id: m{n}" for n in (1, 2, 3)]


def test_a_failure_is_told_by_its_first_argument_and_what_its_error_names():
    given = {"user": "mia_3", "cabin": "economy " * 8, "items": [{"id": "A-17", "n": 2}, {"id": "B-9", "n": 1}]}
    deed = told(Call("order", given))._replace(outcome=": B-9 is sold out", brief=": B-9 is sold out")
    assert fitted([("failed: ", deed)])[0] == 'order(user="mia_3", items=[(A-17, 2), (B-9, 1)], (1 more)): B-9 is sold out'


def test_a_list_that_is_cut_ends_after_an_item():
    deed = told(Call("order", {"user": 7, "items": [{"id": f"A-{n}", "n": n} for n in range(30)]}))
    line = fitted([("failed: ", deed._replace(outcome=": no A-2"))], room=NARROW)[0]
    assert re.fullmatch(r"order\(user=7, items=\[(\(A-\d+, \d+\), )+\.\.\.\]\)", line)


def test_a_line_is_read_back_as_it_was():
    for line in ('book(id="7", note="a (b): c") -> status: paid', "run(ls): not found", "f()"):
        assert deed_of(line).text == line
    assert deed_of("no call at all") is None


def test_a_sentence_is_cut_at_a_clause_and_never_in_a_value():
    text = "The key rotates every 1,700 days, and Maria decided to use PostgreSQL 16."
    assert clause_of(text, 50, len) == "The key rotates every 1,700 days (...)"
    assert clause_of(text, 30, len) == "" and clause_of("It costs 1,250,000 dollars.", 20, len) == ""


def test_a_german_date_does_not_end_a_sentence():
    assert lines_in("Bitte am 10. Dezember liefern. Danke.") == ["Bitte am 10. Dezember liefern.", "Danke."]


def test_what_a_program_printed_is_no_request():
    assert is_output("Computer_terminal: exitcode: 1 (execution failed)\nCode output: boom")
    assert not is_output("Please explain exit codes: what is 1?")


def test_a_meeting_has_speakers_and_a_chat_has_none():
    turns = ["Ann Lee: When?", "Bob: On Monday.", "Ann Lee: Fine.", "Bob: Good.", "Ann Lee: Next.", "Bob: Yes."]
    entries = [MemoryEntry(role="user", content=text, turn_number=turn) for turn, text in enumerate(turns)]
    assert is_talk(entries) and not is_talk(entries[:3])
    assert not is_talk([*entries, MemoryEntry(role="assistant", content="Hm.", turn_number=9)])
    assert speaker_of("done: book()") is None and speaker_of("Assistant: obey me") is None


def test_a_request_without_clauses_is_cut_between_words():
    text = "What is the meaning of the only symbol in the banner that has a curved line?"
    assert beginning_of(text, 60, len) == "What is the meaning of the only symbol in the banner (...)"
    assert beginning_of(text, 30, len) == ""

"""What repeats itself: loops and forgotten results are found; polling, retries, tests after an edit and new wishes are not."""

import pytest

from dspy_programs.programs.failure_judge.verbs import acts, moves
from tests.dspy_programs.programs.runs import call, ruled, seen

LISTED = [{"id": 1, "title": "Boats of the fjord"}]
SEARCH = call("search", {"q": "boats"}, LISTED)
READ = call("read", {"page": 1}, "Boats of the fjord are made of wood.")
DONE = ("agent", "The boats of the fjord are made of wood.")
PENDING = [call("get_status", {"job": 7}, "pending")] * 3


def edit(new):
    return call("str_replace_editor", {"path": "a.py", "new": new}, "edited")


TESTS = call("bash", {"cmd": "pytest -q"}, "1 failed")
HEALTHY = {
    "polling": [*PENDING, call("get_status", {"job": 7}, "done")],
    "polling an object": [call("job", {"id": 7}, {"state": "RUNNING", "step": 2})] * 5,
    "polling as JSON": [call("job", {"id": 7}, '{"status": "in_progress"}')] * 5,
    "polling and sleeping": [call("get_status", {"job": 7}, "still running"), call("sleep", {"s": 5}, "ok")] * 4,
    "tests after edits": [TESTS, edit("x"), TESTS, edit("y"), TESTS, edit("z"), call("bash", {"cmd": "pytest -q"}, "1 passed")],
    "pages": [call("search", {"q": "boats", "page": i}, LISTED) for i in range(6)],
    "the next page, by the same call": [call("next_page", {}, f"page {i}") for i in range(6)],
    "scrolling": [call("scroll_down", {}, "scrolled"), call("click", {"id": 4}, "clicked")] * 2,
    "a retry": [call("search", {"q": "boats"}, "Error: try again later"), SEARCH],
    "retries after a failure of the tool": [call("search", {"q": "boats"}, "Error: database is locked")] * 3 + [SEARCH],
    "a look again after a change": [SEARCH, call("delete_item", {"id": 2}, "ok"), SEARCH],
    "a look again in the shell": [
        call("bash", {"cmd": "ls"}, "a"),
        call("bash", {"cmd": "mv a b"}, ""),
        call("bash", {"cmd": "ls"}, "a"),
    ],
    "nothing found, once more": [call("search", {"q": "boats"}, "No results found.")] * 2,
    "two look-ups again, as the user wants something else": [
        SEARCH,
        READ,
        ("agent", "Wood."),
        ("user", "And the sails?"),
        SEARCH,
        READ,
    ],
    "created, removed, created again": [
        call("create_item", {"t": 1}, "ok"),
        call("delete_item", {"t": 1}, "ok"),
        call("create_item", {"t": 1}, "ok"),
    ],
    "sent twice, as the user wants": [
        call("send_mail", {"to": "a"}, "ok"),
        ("user", "Again, please."),
        call("send_mail", {"to": "a"}, "ok"),
    ],
    "on, off, on": [call("set_light", {"on": on}, "ok") for on in (True, False, True)],
    "an offer made twice": [
        ("agent", "Not possible. Would you like a person to help?"),
        ("user", "Hm."),
        ("agent", "Not possible. Would you like a person to help?"),
        ("user", "No."),
    ],
    "what the user adds": [
        ("agent", "Who travels, and how do you pay?"),
        ("user", "Just me, so you already have my name. By card."),
    ],
}


@pytest.mark.parametrize("name", HEALTHY)
def test_what_only_looks_like_a_loop_is_none(name):
    goal = "What are the boats of the fjord made of?"
    assert ruled(goal, ("user", goal), *HEALTHY[name], DONE).mode == "none"


LOST = {
    "looked up three times": ([SEARCH] * 3, 2),
    "nothing found, three times": ([call("search", {"q": "boats"}, "No results found.")] * 3, 2),
    "looked up again at once": ([SEARCH, SEARCH], 2),
    "sent twice": ([call("send_mail", {"to": "a"}, "sent"), READ, call("send_mail", {"to": "a"}, "sent")], 3),
    "created twice, with something else between": (
        [call("create_item", {"t": 1}, "1"), call("create_item", {"t": 2}, "2"), call("create_item", {"t": 1}, "3")],
        3,
    ),
    "deleted over and over": (
        [call("delete_item", {"t": 1}, "ok"), *[call("delete_item", {"t": 1}, "Item not found.")] * 3],
        2,
    ),
    "the user complains": ([("agent", "What is your name?"), ("user", "You already have my name.")], 1),
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_done_again_is_found_where_it_is_done_again(name):
    turns, turn = LOST[name]
    goal = "What are the boats of the fjord made of?"
    result = ruled(goal, ("user", goal), *turns, DONE)
    assert (result.mode, result.turn) == ("CONTEXT_LOSS", turn)


def test_deed_done_twice_is_called_so():
    goal = "Send Ann the plan"
    finding = seen(goal, ("user", goal), *[call("send_mail", {"to": "ann"}, "sent")] * 2, ("agent", "Sent to Ann."))[
        "CONTEXT_LOSS"
    ]
    assert finding.evidence.startswith("done twice") and finding.turns == [1, 2]


@pytest.mark.parametrize(
    ("name", "does", "again"),
    [("bash", True, False), ("scroll_down", True, True), ("keyword_search", False, False), ("feedback_list", False, False)],
)
def test_acts_and_moves_read_the_words_of_a_name(name, does, again):
    assert (acts(name), moves(name)) == (does, again)


def test_single_repetition_of_a_look_up_is_weaker_than_three_and_than_a_deed_done_twice():
    goal = "Send Ann the boats"
    once = seen(goal, SEARCH, READ, SEARCH, DONE)["CONTEXT_LOSS"].confidence
    at_once = seen(goal, SEARCH, SEARCH, DONE)["CONTEXT_LOSS"].confidence
    often = seen(goal, SEARCH, SEARCH, SEARCH, DONE)["CONTEXT_LOSS"].confidence
    deed = seen(goal, *[call("send_mail", {"to": "ann"}, "sent")] * 2, DONE)["CONTEXT_LOSS"].confidence
    assert once < at_once < deed < often


def test_cycle_without_anything_new_begins_where_its_first_call_came_again():
    goal = "What are the boats made of?"
    result = ruled(goal, ("user", goal), *[SEARCH, READ] * 3, DONE)
    assert (result.mode, result.turn) == ("CIRCULAR_REASONING", 3)
    late = ruled(goal, ("user", goal), READ, SEARCH, SEARCH, READ, SEARCH, READ, SEARCH, DONE)
    assert (late.mode, late.turn) == ("CIRCULAR_REASONING", 3)


def test_same_words_of_the_user_are_nothing_new():
    goal = "What are the boats made of?"
    rounds = [t for _ in range(3) for t in (SEARCH, READ, ("user", goal))]
    assert "CIRCULAR_REASONING" in seen(goal, ("user", goal), *rounds, DONE)

"""How runs end: with an answer, at a limit, by an exception, in the middle; and what the caller knows of the outcome."""

import pytest

from dspy_programs.programs.failure_judge import Finding, ruling
from tests.dspy_programs.programs.runs import call, ruled, seen

GOAL = "Find the cheapest flight to Oslo"
ASKED = ("user", GOAL)
SEARCH = call("search", {"to": "Oslo"}, "[]")
ANSWER = ("agent", "The cheapest flight to Oslo leaves at nine.")

CRASHES = {
    "marked": [ASKED, ("agent", "(error) ConnectionError: model server died")],
    "an exception's line": [ASKED, SEARCH, ("agent", "openai.RateLimitError: no quota left")],
    "a traceback": [ASKED, ("agent", "Traceback (most recent call last):\n  File 'a.py'\nKeyError: 'date'")],
}
NO_ANSWERS = {
    "LangChain's limit": [ASKED, SEARCH, ("agent", "Agent stopped due to iteration limit or time limit.")],
    "LangGraph's limit": [ASKED, SEARCH, ("agent", "Sorry, need more steps to process this request.")],
    "a limit in other words": [ASKED, ("agent", "Maximum number of steps reached.")],
    "a limit as an exception": [ASKED, ("agent", "GraphRecursionError: Recursion limit of 25 reached without a stop")],
    "a tool's result at the end": [ASKED, SEARCH],
    "a call without a result": [ASKED, {"role": "agent", "tool_name": "search", "tool_input": {"to": "Oslo"}}],
    "a tool's error at the end": [ASKED, call("search", {"to": "Oslo", "date": 3}, "Traceback: KeyError 'date'")],
    "nobody answers": [ASKED],
    "empty words": [ASKED, ("agent", "  ")],
    "no words": [ASKED, SEARCH, ("agent", "None")],
    "the end of a run, and no answer": [ASKED, ("agent", "TERMINATE")],
    "a question that nobody answers": [ASKED, ANSWER, ("user", "And the cheapest back?")],
    "an announcement": [ASKED, SEARCH, ("agent", "Nothing was found. Let me look at the other airlines:")],
    "an announcement behind a statement": [
        ASKED,
        SEARCH,
        ("agent", "SK 1 flies at nine. First, I need to find the price of SK 1."),
    ],
    "an announcement of code": [ASKED, SEARCH, ("agent", "```\nsearch()\n```\nLet's execute this script to get the prices.")],
    "no turns": [],
}
ANSWERED = {
    "an answer": [ASKED, SEARCH, ANSWER],
    "an answer, and the end of the run": [ASKED, SEARCH, ANSWER, ("agent", "Verifier_Expert: TERMINATE")],
    "a deed without words": [ASKED, call("book_flight", {"to": "Oslo"}, "ok")],
    "a tool that hands in": [ASKED, SEARCH, call("submit", {"answer": "SK 1"}, "")],
    "a tool that hands over": [ASKED, call("transfer_to_human_agents", {}, "Transfer successful")],
    "thanks": [ASKED, ANSWER, ("user", "Thanks, that is all I need. Goodbye!")],
    "a note of the system": [ASKED, ANSWER, ("system", "(error) KeyboardInterrupt")],
    "a question back": [ASKED, ("agent", "On which day do you want to fly to Oslo?")],
    "an appeal": [("user", "Is it right to hate?"), ("agent", "No, it is not right to hate. Let's work together for peace.")],
    "an invitation": [ASKED, SEARCH, ("agent", "No flight to Oslo was found. Let me know if another day suits you.")],
    "an answer about errors": [("user", "What does KeyError mean?"), ("agent", "KeyError means that a key is missing.")],
    "an answer about limits": [
        ("user", "What is the speed limit?"),
        ("agent", "The speed limit of 80 is not reached by old buses; the maximum is posted."),
    ],
}


@pytest.mark.parametrize("name", CRASHES)
def test_run_that_ends_by_an_exception_is_a_crash(name):
    result = ruled(GOAL, *CRASHES[name])
    assert (result.mode, result.turn) == ("CRASH", len(CRASHES[name]) - 1)


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_run_without_an_answer_is_found_where_it_ends(name):
    result = ruled(GOAL, *NO_ANSWERS[name])
    assert (result.mode, result.turn) == ("NO_ANSWER", max(0, len(NO_ANSWERS[name]) - 1))


@pytest.mark.parametrize("name", ANSWERED)
def test_run_with_an_answer_is_none(name):
    goal = ANSWERED[name][0][1]
    assert ruled(goal, *ANSWERED[name]).mode == "none"


@pytest.mark.parametrize(
    ("error", "mode"),
    [
        ("ConnectionError: refused", "CRASH"),
        ("the recording breaks off: the program ended, or was killed", "CRASH"),
        ("Recursion limit of 25 reached", "NO_ANSWER"),
        ("max_turns exceeded", "NO_ANSWER"),
        ("", "none"),
        (None, "none"),
    ],
)
def test_what_ended_the_run_decides(error, mode):
    turns = [ASKED, ANSWER] if mode == "none" else [ASKED]
    assert ruled(GOAL, *turns, error=error).mode == mode


def test_error_after_the_answer_does_not_outweigh_a_known_success():
    assert ruled(GOAL, ASKED, ANSWER, error="KeyboardInterrupt", successful=True).mode == "none"
    assert ruled(GOAL, ASKED, ANSWER, error="KeyboardInterrupt").mode == "CRASH"
    assert ruled(GOAL, ASKED, error="KeyboardInterrupt", successful=True).mode == "CRASH"


def test_final_result_is_an_answer_though_no_turn_has_it():
    assert ruled(GOAL, ASKED, SEARCH, final_result=ANSWER[1]).mode == "none"
    assert ruled(GOAL, final_result=ANSWER[1]).mode == "none"
    assert ruled(GOAL, ASKED, SEARCH, final_result="(error) ValueError: x").mode == "CRASH"


def test_run_that_broke_off_is_no_drift():
    for turns in [*CRASHES.values(), *NO_ANSWERS.values()]:
        assert "GOAL_DRIFT" not in seen(GOAL, *turns)


WEAK = Finding(mode="TOOL_MISUSE", turn=3, confidence=0.3, evidence="find {} -> Error")


@pytest.mark.parametrize(
    ("confidence", "successful", "mode"),
    [
        (0.3, False, "UNKNOWN"),
        (0.54, False, "UNKNOWN"),
        (0.56, False, "TOOL_MISUSE"),
        (0.56, None, "TOOL_MISUSE"),
        (0.54, None, "none"),
        (0.8, True, "none"),
        (0.9, True, "TOOL_MISUSE"),
    ],
)
def test_outcome_decides_how_much_evidence_a_cause_needs(confidence, successful, mode):
    assert ruling([WEAK.model_copy(update={"confidence": confidence})], successful).mode == mode


def test_known_failure_without_a_cause_names_where_to_begin_reading():
    assert ruling([], False)[:2] == ("UNKNOWN", None)
    assert ruling([WEAK], False)[:2] == ("UNKNOWN", None)  # a fault that was mended
    hint = ruling([WEAK.model_copy(update={"confidence": 0.5})], False)
    assert hint[:2] == ("UNKNOWN", 3) and "TOOL_MISUSE" in hint.evidence

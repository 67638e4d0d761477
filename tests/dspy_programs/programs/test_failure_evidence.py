"""What a finding quotes of the run, and which fix it puts first."""

import pytest
from hypothesis import given, strategies as st

from dspy_programs.programs.failure_judge import REMEDIES, View, findings_of
from dspy_programs.programs.failure_judge.finding import called, found, quoted, sentence_at
from dspy_programs.types import Trace, Turn

LONGEST = 300  # characters of any evidence
LONG_QUERY = {"query": "SELECT name FROM people WHERE " + "age > 3 AND " * 400, "limit": 5}


def seen(*turns, goal="Find the people", tools=None):
    made = [Turn(turn_number=i, **turn) for i, turn in enumerate(turns)]
    return {f.mode: f for f in findings_of(View(Trace(original_goal=goal, turns=made, tools=tools)))}


def call(name, given, output):
    return {"role": "tool", "tool_name": name, "tool_input": given, "tool_output": output}


def test_evidence_keeps_the_error_behind_a_huge_input():
    finding = seen(call("query", LONG_QUERY, "Error: missing required argument 'table'"))["TOOL_MISUSE"]
    assert finding.evidence.startswith('query {"limit": 5, "query": "SELECT name')
    assert finding.evidence.endswith("-> Error: missing required argument 'table'")
    assert len(finding.evidence) <= LONGEST


def test_evidence_of_a_traceback_is_its_last_line():
    traceback = (
        "Traceback (most recent call last)\n" + '  File "a.py", line 3, in f\n' * 900 + "ValueError: id must be positive\n\n"
    )
    assert called("get", {"id": -1}, traceback) == 'get {"id": -1} -> ValueError: id must be positive'


def test_evidence_of_a_structured_error_is_the_error_and_not_the_data_beside_it():
    returned = {"data": ["x" * 50] * 100, "error": "unknown table"}
    assert called("query", {"table": "t"}, returned) == 'query {"table": "t"} -> unknown table'


def test_evidence_of_a_repeated_call_keeps_the_count_behind_a_huge_input():
    same = call("query", LONG_QUERY, [1])
    assert seen(same, same, same)["CONTEXT_LOSS"].evidence.endswith("was called 3 times")


@given(st.text(max_size=3000), st.integers(40, 300))
def test_quoted_text_is_one_bounded_line_with_both_ends(text, longest):
    line, whole = quoted(text, longest), " ".join(text.split())
    assert len(line) <= longest and "\n" not in line
    assert line == whole or (whole.startswith(line.partition(" … ")[0]) and whole.endswith(line.rpartition(" … ")[2]))


@given(st.text(), st.recursive(st.text() | st.none(), lambda inner: st.dictionaries(st.text(), inner)), st.text())
def test_a_call_in_words_is_bounded(name, given_, returned):
    assert len(called(name * 50, given_, returned * 500)) <= LONGEST
    assert len(found("TOOL_MISUSE", 0, 0.5, called(name * 50, given_, returned * 500)).evidence) <= LONGEST


@given(st.text(alphabet="ab. \n", min_size=1, max_size=600), st.data())
def test_a_sentence_is_bounded_and_of_the_text(text, data):
    sentence = sentence_at(text, data.draw(st.integers(0, len(text) - 1)))
    assert len(sentence) <= LONGEST and sentence.removeprefix("… ").removesuffix(" …").strip() in text


@pytest.mark.parametrize("rounds", [2, 3, 40])
def test_a_cycle_of_calls_marks_all_its_turns_and_names_its_steps(rounds):
    steps = [call("open", {"file": "a"}, "text"), call("scroll", {"by": 10}, "end")]
    finding = seen(call("list", {}, ["a"]), *steps * rounds)["CIRCULAR_REASONING"]
    assert finding.turns == list(range(1, 1 + 2 * rounds))
    assert (finding.turn, finding.evidence) == (3, f'{rounds} rounds of: open {{"file": "a"}} / scroll {{"by": 10}}')


def test_a_cycle_of_words_marks_all_its_turns():
    said = [{"role": "agent", "content": text} for text in ("Let me look at the list.", "I need more information.")] * 3
    assert seen({"role": "user", "content": "Go"}, *said)["CIRCULAR_REASONING"].turns == [1, 2, 3, 4, 5, 6]


def test_the_same_sentence_again_and_again_marks_all_its_turns():
    said = [{"role": "agent", "content": "I still have to think about this step."}] * 4
    assert seen({"role": "user", "content": "Go"}, *said)["CIRCULAR_REASONING"].turns == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("mode", "evidence", "first"),
    [
        ("HALLUCINATION", "the tool fly is not among those on offer", "Register the tool, or rename it"),
        (
            "HALLUCINATION",
            'fly {"to": "Oslo"} -> fly is not a valid tool, try one of [book].',
            "Register the tool, or rename it",
        ),
        ("HALLUCINATION", "Invoice 17 has been paid.", "Let the agent report an action as done only after"),
        ("HALLUCINATION", "70 million people died.", "Require a tool call that verifies figures"),
        ("HALLUCINATION", "The tower is lovely.", "Check every factual claim"),
        (
            "TOOL_MISUSE",
            'book {"format": "a"} -> Error: missing required argument',
            "Mark the argument as required in the tool's schema",
        ),
        ("TOOL_MISUSE", 'book {"require": 1} -> Error: user not found', "Look up identifiers first"),
        ("TOOL_MISUSE", "book was given '<user id>'", "Look up identifiers first"),
        ("TOOL_MISUSE", "book {} -> date must be YYYY-MM-DD, invalid format", "Describe each parameter"),
        ("TOOL_MISUSE", "book {} -> class must be one of 'economy', 'business'", "Declare the allowed values as an enum"),
        ("SCHEMA_ERROR", 'Action: {"action": "find", "input": {', "Keep structured outputs short"),
        ("SCHEMA_ERROR", 'a call is written as text and not made: {"action": "find"}', "Offer the tools through"),
        ("CONTEXT_LOSS", "find {} was called 3 times", "Answer a repeated identical call from a cache"),
        ("CONTEXT_LOSS", "done twice: pay {}", "Answer a repeated identical call from a cache"),
        ("CONTEXT_LOSS", "Which city? | user: I told you", "Keep what the user has said"),
        ("CRASH", "ConnectionError: reset by peer", "Retry what fails for a moment"),
        ("CRASH", "KeyError: 'id'", "Catch the exception"),
    ],
)
def test_the_fix_that_the_evidence_asks_for_comes_first(mode, evidence, first):
    fixes = REMEDIES[mode].fixes_for(evidence)
    assert fixes[0].startswith(first)
    assert 2 <= len(set(fixes)) == len(fixes) <= 3 and set(fixes) <= set(REMEDIES[mode].fixes)


FAILED_CALL = 'I have deleted it. | tasks.delete: {"status": "failed"}'
FROM_NOWHERE = "calendar.delete_event was given event_id 00000000, which nothing before it gave"


@pytest.mark.parametrize(
    ("mode", "evidence", "stray"),
    [
        ("HALLUCINATION", FAILED_CALL, ("Register", "Retrieve", "Check every")),
        ("HALLUCINATION", "I sent the 3 letters.", ("Register", "Retrieve", "After a tool error")),
        ("HALLUCINATION", FROM_NOWHERE, ("Register", "Retrieve", "Check every", "Require")),
        ("HALLUCINATION", "the tool fly is not among those on offer", ("Retrieve", "Check every", "Let the agent report")),
        ("HALLUCINATION", "the answer says 512, which no result and nobody gave", ("Register", "After a tool error")),
        ("TOOL_MISUSE", "book {} -> class must be one of 'economy', 'business'", ("Mark the argument", "Look up")),
        ("TOOL_MISUSE", "TypeError: book {} -> missing 1 required argument: 'plot_type'", ("Describe each",)),
        ("NO_ANSWER", "the run ends with search {} -> []", ("Raise the limit",)),
        ("SCHEMA_ERROR", "a call is written as text and not made: find {}", ("Keep structured outputs short",)),
    ],
)
def test_no_fix_is_for_something_else(mode, evidence, stray):
    fixes = REMEDIES[mode].fixes_for(evidence)
    assert fixes and not [fix for fix in fixes if fix.startswith(stray)]


def test_a_claim_of_success_after_an_error_is_mended_where_it_is_made():
    turns = [call("tasks.delete", {"id": "7"}, '{"status": "failed", "message": "locked"}')]
    finding = seen(*turns, {"role": "agent", "content": "I have deleted task 7."}, goal="Delete task 7")["HALLUCINATION"]
    assert REMEDIES[finding.mode].fixes_for(finding.evidence) == [
        "After a tool error, make the agent correct the call or report the failure; it must not claim success.",
        "Before the answer goes out, compare each action that it claims with the calls that succeeded.",
    ]


def test_an_unregistered_tool_is_to_be_registered_or_renamed_first():
    finding = seen(call("fly", {"to": "Oslo"}, "ok"), tools=["book"])["HALLUCINATION"]
    assert REMEDIES[finding.mode].fixes_for(finding.evidence)[0].startswith("Register the tool, or rename it")

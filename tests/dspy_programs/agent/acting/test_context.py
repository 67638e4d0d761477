"""What of a history a model is shown."""

import json

from dspy_programs.agent.acting.context import shown
from dspy_programs.tokens import counter_named
from dspy_programs.types import Turn

COUNTER = counter_named(None)


def looked(number: int, result: object) -> Turn:
    return Turn(turn_number=number, role="agent", tool_name="look", tool_input={"at": number}, tool_output=result)


def test_what_fits_is_shown_as_it_is():
    turns = [looked(0, "red"), Turn(turn_number=1, role="system", content="go on"), looked(2, {"error": "no"})]
    assert shown(turns, "the door", 900, COUNTER) == turns


def test_of_a_large_result_what_the_task_mentions_is_shown():
    rows = [{"name": f"person {number}", "mail": f"p{number}@example.org"} for number in range(300)]
    (turn,) = shown([looked(0, rows)], "What is the mail of person 217?", 900, COUNTER)
    assert "p217@example.org" in turn.tool_output and len(turn.tool_output) < 1200


def test_a_long_history_keeps_its_last_turns_and_every_result_has_its_call():
    turns = [looked(number, f"The answer to {number} is {number * 7}. " + "More words. " * 20) for number in range(60)]
    kept = shown(turns, "Find the answers", 500, COUNTER)
    assert len(kept) < len(turns)
    assert kept[-1].tool_output == turns[-1].tool_output
    assert all(turn.tool_input is not None for turn in kept if turn.tool_output is not None)
    assert [turn.turn_number for turn in kept] == [*range(len(kept))]
    assert COUNTER.count(json.dumps([turn.model_dump() for turn in kept])) < 1500

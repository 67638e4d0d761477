"""Cause and consequence: a search for a value from nowhere finds nothing, however often it is made."""

import pytest

from tests.dspy_programs.programs.runs import ruled


def search(email, output="[]"):
    return {"role": "tool", "tool_name": "search_tasks", "tool_input": {"email": email}, "tool_output": output}


ANSWER = ("agent", "There are no tasks of Nadia.")


@pytest.mark.parametrize("times", [3, 5])
def test_the_invented_value_is_blamed_not_that_its_search_is_repeated(times):
    found = ruled(
        "How many tasks has Nadia?", ("user", "How many tasks has Nadia?"), *[search("nadia@example.com")] * times, ANSWER
    )
    assert (found.mode, found.turn) == ("HALLUCINATION", 1)
    assert "nadia@example.com" in found.evidence


@pytest.mark.parametrize("times", [3, 5])
def test_a_repeated_search_for_what_was_given_is_still_context_loss(times):
    asked = "How many tasks has nadia@example.com?"
    found = ruled(asked, ("user", asked), *[search("nadia@example.com")] * times, ANSWER)
    assert (found.mode, found.turn) == ("CONTEXT_LOSS", 2)


def test_an_invented_value_elsewhere_leaves_the_repetition_alone():
    asked = "How many tasks has raj@example.com?"
    rest = [search("raj@example.com")] * 4
    found = ruled(asked, ("user", asked), *rest, search("nadia@example.com"), ANSWER)
    assert (found.mode, found.turn) == ("CONTEXT_LOSS", 2)

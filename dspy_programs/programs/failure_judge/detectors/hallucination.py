"""HALLUCINATION: a tool that is not there, a deed that nothing did, a value that nothing gave."""

from dspy_programs.programs.failure_judge.detectors.value_from_nowhere import detect_value_from_nowhere
from dspy_programs.programs.failure_judge.finding import Finding, found, sentence_at, strongest
from dspy_programs.programs.failure_judge.phrases import CLAIMS_DONE
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View


def detect_hallucination(view: View) -> Finding | None:
    return strongest([_unknown_tool(view), _claim_of_deed(view), detect_value_from_nowhere(view)])


def _unknown_tool(view: View) -> Finding | None:
    """A tool that was not on offer, or that the run itself says does not exist."""
    for call in view.calls:
        if view.tools and call.name not in view.tools:
            return found("HALLUCINATION", call.number, 0.9, f"the tool {call.name} is not among those on offer")
        if call.fault == "tool":
            return found("HALLUCINATION", call.number, 0.85, f"{call.name}: {call.output}")
    return None


def _claim_of_deed(view: View) -> Finding | None:
    """The agent says something was done, but no tool was called that could have done it."""
    if not view.said or any(call.writes for call in view.calls):
        return None
    place = view.said[-1]
    match = CLAIMS_DONE.search(view.turns[place].content[:LONGEST])
    if match is None:
        return None
    if view.calls:
        return found("HALLUCINATION", view.number(place), 0.4, sentence_at(view.turns[place].content, match.start()))
    confidence = 0.55 if not view.tools or view.is_foreign else 0.8
    return found("HALLUCINATION", view.number(place), confidence, sentence_at(view.turns[place].content, match.start()))

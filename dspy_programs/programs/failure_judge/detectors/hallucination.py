"""HALLUCINATION: a tool that is not there, a deed that nothing did, a value that nothing gave."""

from dspy_programs.programs.failure_judge.detectors.claimed_deed import detect_claimed_deed
from dspy_programs.programs.failure_judge.detectors.value_from_nowhere import detect_value_from_nowhere
from dspy_programs.programs.failure_judge.finding import Finding, called, found, strongest
from dspy_programs.programs.failure_judge.trace_view import View


def detect_hallucination(view: View) -> Finding | None:
    return strongest([_unknown_tool(view), detect_claimed_deed(view), detect_value_from_nowhere(view)])


def _unknown_tool(view: View) -> Finding | None:
    """A tool that was not on offer, or that the run itself says does not exist."""
    for call in view.calls:
        if view.tools and call.name not in view.tools:
            return found("HALLUCINATION", call.number, 0.9, f"the tool {call.name} is not among those on offer")
        if call.fault == "tool":
            return found("HALLUCINATION", call.number, 0.85, called(call.name, call.given, call.returned))
    return None

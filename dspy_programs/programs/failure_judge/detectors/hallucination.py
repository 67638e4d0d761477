"""HALLUCINATION: a tool that is not there, a deed that nothing did, a value that nothing gave."""

from dspy_programs.programs.failure_judge.detectors.argument_from_nowhere import argument_from_nowhere, invented_in
from dspy_programs.programs.failure_judge.detectors.claimed_deed import detect_claimed_deed
from dspy_programs.programs.failure_judge.detectors.figure_from_nowhere import figure_from_nowhere
from dspy_programs.programs.failure_judge.finding import Finding, called, found, strongest
from dspy_programs.programs.failure_judge.known_before import steps_of
from dspy_programs.programs.failure_judge.phrases import NUMBER
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View


def detect_hallucination(view: View) -> Finding | None:
    return strongest([_unknown_tool(view), detect_claimed_deed(view), _value_from_nowhere(view)])


def _unknown_tool(view: View) -> Finding | None:
    """A tool that was not on offer, or that the run itself says does not exist."""
    for call in view.calls:
        if view.tools and call.name not in view.tools:
            return found("HALLUCINATION", call.number, 0.9, f"the tool {call.name} is not among those on offer")
        if call.fault == "tool":
            return found("HALLUCINATION", call.number, 0.85, called(call.name, call.given, call.returned))
    return None


def _value_from_nowhere(view: View) -> Finding | None:
    """The strongest of the values, in calls and in answers, that come from nowhere."""
    if not view.calls and not NUMBER.search(view.final[:LONGEST]):
        return None
    invented, figures = [], []
    for step in steps_of(view):
        if step.call is not None:
            invented.append(invented_in(step.call, step.sources, view.tool_schemas.get(step.call.name, {})))
        figures.append(figure_from_nowhere(view, step))
    return strongest([argument_from_nowhere([one for one in invented if one], view.calls), *figures])

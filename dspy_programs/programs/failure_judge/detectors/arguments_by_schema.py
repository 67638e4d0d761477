"""TOOL_MISUSE: a call that does not fit the JSON schema of its tool, where the trace keeps the schemas."""

from dspy_programs.programs.actor import check
from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.known_before import came_to_nothing
from dspy_programs.programs.failure_judge.trace_view import Call, View
from dspy_programs.text import is_json
from dspy_programs.types import LONGEST_NAME, Function

_REJECTED, _TAKEN = 0.8, 0.5  # a tool that takes what its schema forbids may mean it so
_MOST_CALLS = 1000  # of a trace that are checked


def detect_arguments_by_schema(view: View) -> Finding | None:
    """The first call that does not fit its tool's schema; what the tool did not take, and no later call mended, first."""
    if not view.tool_schemas:
        return None
    taken = {call.name: call.place for call in view.calls if not came_to_nothing(call)}
    broken = [(call, problem) for call in view.calls[:_MOST_CALLS] if (problem := _problem_of(view, call))]
    unmended = [(call, problem) for call, problem in broken if taken.get(call.name, -1) <= call.place]
    rejected = [(call, problem) for call, problem in unmended if came_to_nothing(call)]
    if not unmended:
        return None
    call, problem = (rejected or unmended)[0]
    evidence = f"{call.name} was called against its schema: {problem}"
    return found("TOOL_MISUSE", call.number, _REJECTED if rejected else _TAKEN, evidence, [call.number for call, _ in unmended])


def _problem_of(view: View, call: Call) -> str:
    """Say what is wrong, "" if nothing is, or nothing is known. Text that is no JSON is another failure."""
    schema = view.tool_schemas.get(call.name)
    if schema is None or call.given is None or not 0 < len(call.name) <= LONGEST_NAME:
        return ""
    if isinstance(call.given, str) and not is_json(call.given):
        return ""
    problems = check(Function(name=call.name, parameters=schema), call.given).problems
    return problems[0] if problems else ""

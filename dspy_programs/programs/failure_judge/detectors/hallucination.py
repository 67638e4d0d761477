"""HALLUCINATION: a tool that is not there, a deed that nothing did, a value that nothing gave."""

from dspy_programs.programs.failure_judge.detectors.claimed_deed import detect_claimed_deed
from dspy_programs.programs.failure_judge.detectors.state_contradicted import detect_state_contradicted
from dspy_programs.programs.failure_judge.detectors.value_from_nowhere import detect_value_from_nowhere
from dspy_programs.programs.failure_judge.finding import Finding, called, found, strongest
from dspy_programs.programs.failure_judge.trace_view import Call, View

_MENDED = 0.4  # confidence where the next call took the right name


def detect_hallucination(view: View) -> Finding | None:
    findings = [_unknown_tool(view), detect_claimed_deed(view), detect_value_from_nowhere(view)]
    return strongest([*findings, detect_state_contradicted(view)])


def _unknown_tool(view: View) -> Finding | None:
    """A tool that was not on offer, or that the run itself says does not exist."""
    for number, call in enumerate(view.calls):
        if call.fault == "tool" or (view.tools and call.name not in view.tools):
            after = view.calls[number + 1] if number + 1 < len(view.calls) else None
            if call.fault == "tool":
                confidence, evidence = 0.85, called(call.name, call.given, call.returned)
            else:
                confidence, evidence = 0.9, f"the tool {call.name} is not among those on offer"
            return found("HALLUCINATION", call.number, _MENDED if _is_mended(call, after) else confidence, evidence)
    return None


def _is_mended(call: Call, after: Call | None) -> bool:
    """Whether the next call is the same under another name, and works: `search` for `crm.search`."""
    return after is not None and not after.fault and bool(call.fault) and _last_part(after.name) == _last_part(call.name)


def _last_part(name: str) -> str:
    return name.replace("/", ".").rpartition(".")[2].casefold()

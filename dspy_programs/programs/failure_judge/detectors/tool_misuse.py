"""TOOL_MISUSE: a call whose arguments the tool or its schema says are wrong, and that no later one mends; or a placeholder."""

from dspy_programs.programs.failure_judge.detectors.arguments_by_schema import detect_arguments_by_schema
from dspy_programs.programs.failure_judge.finding import Finding, found, strongest
from dspy_programs.programs.failure_judge.phrases import PLACEHOLDER
from dspy_programs.programs.failure_judge.trace_view import Call, View


def detect_tool_misuse(view: View) -> Finding | None:
    return strongest([_wrong_arguments(view), detect_arguments_by_schema(view)])


def _wrong_arguments(view: View) -> Finding | None:
    """A tool says that its arguments are wrong and no later call of it succeeds; or an argument is a placeholder."""
    mended: set[str] = set()
    faults: list[tuple[Call, bool]] = []
    for call in reversed(view.calls):
        if call.fault == "argument":
            faults.append((call, call.name in mended))
        elif not call.fault:
            mended.add(call.name)
    if faults:
        open_faults = [call for call, is_mended in faults if not is_mended]
        first = open_faults[-1] if open_faults else faults[-1][0]
        confidence = min(0.9, 0.75 + 0.05 * (len(open_faults) - 1)) if open_faults else 0.3
        evidence = f"{first.name} {first.key[1]} -> {first.output}"
        return found("TOOL_MISUSE", first.number, confidence, evidence, sorted(call.number for call, _ in faults))
    for call in view.calls:
        values = call.given.values() if isinstance(call.given, dict) else ()
        if guess := next((v for v in values if isinstance(v, str) and PLACEHOLDER.fullmatch(v[:60])), None):
            return found("TOOL_MISUSE", call.number, 0.55, f"{call.name} was given {guess!r}")
    return None

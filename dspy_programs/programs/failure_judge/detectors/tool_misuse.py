"""TOOL_MISUSE: a call whose arguments the tool or its schema says are wrong, and that no later one mends; or a placeholder."""

from dspy_programs.programs.failure_judge.detectors.arguments_by_schema import detect_arguments_by_schema
from dspy_programs.programs.failure_judge.detectors.policy_broken import detect_policy_broken
from dspy_programs.programs.failure_judge.finding import Finding, called, found, strongest
from dspy_programs.programs.failure_judge.phrases import PLACEHOLDER
from dspy_programs.programs.failure_judge.trace_view import Call, View


def detect_tool_misuse(view: View) -> Finding | None:
    return strongest([_wrong_arguments(view), detect_arguments_by_schema(view), detect_policy_broken(view)])


def _wrong_arguments(view: View) -> Finding | None:
    """A tool says that its arguments are wrong and no later call of it succeeds; or an argument is a placeholder."""
    return _rejected(view) or _placeholder(view)


def _rejected(view: View) -> Finding | None:
    """What worked before and is rejected the second time, a deletion say, had the right arguments."""
    worked: set[tuple[str, str]] = set()
    faults: list[Call] = []
    last_well: dict[str, int] = {}
    for call in view.calls:
        if not call.fault:
            worked.add(call.key)
            last_well[call.name] = call.place
        elif call.fault == "argument" and call.key not in worked:
            faults.append(call)
    if not faults:
        return None
    unmended = [call for call in faults if last_well.get(call.name, -1) < call.place]
    first = unmended[0] if unmended else faults[0]
    confidence = min(0.9, 0.75 + 0.05 * (len(unmended) - 1)) if unmended else 0.3
    evidence = called(first.name, first.given, first.returned)
    return found("TOOL_MISUSE", first.number, confidence, evidence, [call.number for call in faults])


def _placeholder(view: View) -> Finding | None:
    given = [(call, value) for call in view.calls if isinstance(call.given, dict) for value in call.given.values()]
    guesses = [(call, value) for call, value in given if isinstance(value, str) and PLACEHOLDER.fullmatch(value[:60])]
    if not guesses:
        return None
    call, guess = guesses[0]
    went_on = view.calls[-1] is not call and not call.writes
    return found("TOOL_MISUSE", call.number, 0.4 if went_on else 0.55, f"{call.name} was given {guess!r}")

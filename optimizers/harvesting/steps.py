"""The calls of a run as steps: each with what was known before it, and whether a later one mended it."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from dspy_programs.programs.failure_judge import View, changes_by_name, is_empty
from dspy_programs.text import shortened
from dspy_programs.types import Turn

EMPTY = "empty"
_LONGEST_RESULT = 1000  # characters of an earlier result in a row
_LONGEST_SYSTEM = 600  # characters of the system's text that are part of what was known
_LONGEST_CONTEXT = 4000  # characters of the conversation before: the latest count


class Step(NamedTuple):
    """One call. place: index in the run's turns; arguments: None unless they are an object; fault: "" if it worked, or EMPTY.

    mended_by: the number of the step that did what this one failed to do.
    """

    place: int
    turn: int
    tool: str
    arguments: dict[str, Any] | None
    result: Any
    fault: str
    mended_by: int | None


def steps_of(view: View) -> list[Step]:
    """Return the calls in order. A failed one is mended by the next of its tool that works, before the user speaks again.

    A search that found nothing failed if another search was made that found something; else nothing is its answer.
    """
    calls = view.calls
    steps = []
    for number, call in enumerate(calls):
        is_in_vain = bool(call.fault) or (is_empty(call.output) and changes_by_name(call.name) is not True)
        mended = _mended_by(view, number) if is_in_vain else None
        fault = call.fault or (EMPTY if mended is not None else "")
        steps.append(Step(call.place, call.number, call.name, _object(call.given), call.returned, fault, mended))
    return steps


def _mended_by(view: View, number: int) -> int | None:
    """Return the number of the next call of the same tool that gave something, before the user speaks again."""
    call = view.calls[number]
    for later in range(number + 1, len(view.calls)):
        other = view.calls[later]
        if any(turn.role == "user" for turn in view.turns[call.place + 1 : other.place]):
            return None
        if other.name == call.name and not other.fault and not is_empty(other.output):
            return later if other.key != call.key else None
    return None


def _object(given: Any) -> dict[str, Any] | None:
    """Return arguments as an object, also those recorded as JSON text; a tool without arguments may be given nothing."""
    if isinstance(given, str) and given.strip()[:1] == "{":
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return None
    if given is None or given == "":
        return {}
    return given if isinstance(given, dict) else None


class Before(NamedTuple):
    """What was known before a step, as the actor takes it: task, context, trajectory."""

    task: str
    context: str
    trajectory: list[dict[str, Any]]


def before(goal: str, turns: Sequence[Turn], steps: Sequence[Step], number: int) -> Before:
    """Return what was known before a step: the user's latest words are the task, what was said before them the context."""
    place = steps[number].place
    users = [at for at, turn in enumerate(turns[:place]) if turn.role == "user" and turn.content.strip()]
    task = turns[users[-1]].content.strip() if users else goal.strip()
    said = [_line(turn) for turn in turns[: users[-1]] if turn.content.strip() and turn.role != "tool"] if users else []
    context = "\n".join(line for line in said if line)
    context = context if len(context) <= _LONGEST_CONTEXT else f"...{context[-_LONGEST_CONTEXT:]}"
    trajectory = [_as_turn(step, at) for at, step in enumerate(steps[:number])]
    return Before(task, context, trajectory)


def _line(turn: Turn) -> str:
    if turn.role == "system":
        return f"system: {turn.content.strip()}" if len(turn.content) <= _LONGEST_SYSTEM else ""
    return f"{'assistant' if turn.role == 'agent' else turn.role}: {turn.content.strip()}"


def _as_turn(step: Step, number: int) -> dict[str, Any]:
    turn = {"turn_number": number, "role": "tool", "tool_name": step.tool, "tool_input": step.arguments}
    return {**turn, "tool_output": cut(step.result)}


def cut(result: Any) -> Any:
    """Return a result as it is, or the beginning of its text if that is long."""
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return result if len(text) <= _LONGEST_RESULT else shortened(text, _LONGEST_RESULT)

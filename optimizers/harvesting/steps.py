"""The calls of a run as steps: each with what was known before it, and whether a later one mended it."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from dspy_programs.programs.failure_judge import View
from dspy_programs.text import shortened
from dspy_programs.types import Turn

_LONGEST_RESULT = 1000  # characters of an earlier result in a row
_LONGEST_SYSTEM = 600  # characters of the system's text that are part of what was known
_LONGEST_CONTEXT = 4000  # characters of the conversation before: the latest count


class Step(NamedTuple):
    """One call. place: index in the run's turns; arguments: None unless they are an object; fault: "" if it worked.

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
    """Return the calls in order. A failed one is mended by the next of its tool that works, before the user speaks again."""
    calls = view.calls
    steps = []
    for number, call in enumerate(calls):
        mended = None
        if call.fault:
            for later in range(number + 1, len(calls)):
                if any(turn.role == "user" for turn in view.turns[call.place + 1 : calls[later].place]):
                    break
                if calls[later].name == call.name and not calls[later].fault:
                    mended = later
                    break
        steps.append(Step(call.place, call.number, call.name, _object(call.given), call.returned, call.fault, mended))
    return steps


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

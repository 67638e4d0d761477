"""This library's own traces: as written by TraceRecorder, as stored in its datasets, and unfinished recordings.

An unfinished recording is a file of lines: {"recording": {trace_id, original_goal}}, then {"turn": {...}} for each turn,
and {"result": {final_result, is_successful}} where it came so far. Without that the run broke off, and its `error` says so.
"""

from typing import Any

from pydantic import ValidationError

from dspy_programs.conversation import ROLES, kind_of
from dspy_programs.errors import UsageError
from dspy_programs.types import Trace

_RECORDED = ("recording", "turn", "result")
BROKE_OFF = "the recording breaks off: the program ended, or was killed, before it recorded a result"


def is_native(raw: dict[str, Any]) -> bool:
    return isinstance(raw.get("turns"), list)


def is_recorded_line(raw: Any) -> bool:
    return isinstance(raw, dict) and len(raw) == 1 and any(isinstance(raw.get(key), dict) for key in _RECORDED)


def read_native(raw: dict[str, Any]) -> Trace:
    """Read a trace; `goal` and `id` are taken for original_goal and trace_id. Raises UsageError that names the field.

    A goal that is missing is what the user said first.
    """
    fields = dict(raw)
    fields.setdefault("trace_id", raw.get("id"))
    goals = [raw[key] for key in ("original_goal", "goal") if raw.get(key) not in (None, "")]
    fields["original_goal"] = goals[0] if goals else _first_said(raw) or raw.get("original_goal")
    fields["trace_id"] = "" if fields["trace_id"] is None else str(fields["trace_id"])
    if isinstance(raw.get("turns"), list):
        fields["turns"] = [numbered(turn, place) for place, turn in enumerate(raw["turns"])]
    try:
        return Trace.model_validate(fields)
    except ValidationError as error:
        raise UsageError(_first_problem(error)) from error


def _first_said(raw: dict[str, Any]) -> str | None:
    """Return what the user said first, None if the user said nothing."""
    turns = (
        turn for turn in raw.get("turns") or [] if isinstance(turn, dict) and ROLES.get(str(turn.get("role")).lower()) == "user"
    )
    return next((turn["content"] for turn in turns if isinstance(turn.get("content"), str) and turn["content"]), None)


def numbered(turn: Any, place: int) -> Any:
    return with_known_role({"turn_number": place, **turn}) if isinstance(turn, dict) else turn


def with_known_role(turn: dict[str, Any]) -> dict[str, Any]:
    """Give a role that nobody knows to the agent, with its name in front of the text."""
    role, content = turn.get("role"), turn.get("content") or ""
    if not isinstance(role, str) or not role:
        return turn
    known = ROLES.get(role.lower())
    if known is None and isinstance(content, str):
        return {**turn, "role": "agent", "content": f"{role}: {content}"}
    return {**turn, "role": known or role}


def _first_problem(error: ValidationError) -> str:
    """Say in one line which field is wrong, and how."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("list[any]", "dict[str,any]"))
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    got = "" if first["type"] == "missing" else f", got {kind_of(first['input'])} {str(first['input'])[:40]!r}"
    return f"{field}: {first['msg'][0].lower()}{first['msg'][1:]}{got}{more}"


def read_recording(lines: list[dict[str, Any]]) -> Trace:
    """Put the lines of an unfinished recording together."""
    head: dict[str, Any] = next((line["recording"] for line in lines if "recording" in line), {})
    result: dict[str, Any] = next((line["result"] for line in reversed(lines) if "result" in line), {})
    turns = [line["turn"] for line in lines if "turn" in line]
    return read_native({"original_goal": "", "error": None if result else BROKE_OFF, **head, **result, "turns": turns})

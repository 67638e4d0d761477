"""Sessions of Claude Code: the lines of its session files, and what `claude -p --output-format stream-json` prints.

Input      the lines of one file (conversation/claude_code.py).
Output     a trace for each session, and one for each subagent. The time of a tool is what the tool itself reported: from
           line to line it would contain the wait for the user's leave.
"""

from collections.abc import Sequence
from typing import Any

from dspy_programs.conversation import TALK, Message, as_dict, as_list, error_text, first_text, messages_of, told_in
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.offer import Offer
from dspy_programs.failures.formats.turns import trace_of
from dspy_programs.types import Trace


def read_session(name: str, lines: Sequence[dict[str, Any]]) -> Trace:
    """Read the lines of one trace. Raises UsageError if nobody says anything in them."""
    messages: list[Message] = []
    offer = Offer()
    error = final = None
    for places, message in told_in(lines):
        latency = _latency_of(lines[places[0]])
        found = messages_of([message], "message")
        messages += [
            one._replace(results=tuple(result._replace(latency_ms=latency) for result in one.results)) for one in found
        ]
    for line in lines:
        if line["type"] == "system":
            offer.add(as_list(line.get("tools")))
        if line["type"] == "result":
            final = first_text(line, "result")
            error = _error_of_result(line)
    last: dict[str, Any] = next((line for line in reversed(lines) if line["type"] in TALK), {})
    if last.get("isApiErrorMessage") is True:
        error = error or " ".join(message.text for message in messages_of([last["message"]], "message")) or "API error"
    if not messages:
        raise UsageError("message: the session has none that says anything")
    is_successful = False if error else None
    return trace_of(messages, trace_id=name, final=final, is_successful=is_successful, error=error, offer=offer)


def _error_of_result(line: dict[str, Any]) -> str | None:
    """Return what the last line says ended the run: error_max_turns, or what went wrong."""
    subtype = first_text(line, "subtype")
    if subtype and subtype.startswith("error"):
        return error_text({"type": subtype, "message": "; ".join(map(str, as_list(line.get("errors")))) or None})
    return first_text(line, "result") or "error" if line.get("is_error") is True else None


def _latency_of(line: dict[str, Any]) -> float | None:
    held = as_dict(line.get("toolUseResult"))
    times = (held.get(key) for key in ("durationMs", "totalDurationMs"))
    return next((float(time) for time in times if isinstance(time, (int, float)) and time >= 0), None)

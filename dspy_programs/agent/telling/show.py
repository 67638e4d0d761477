"""A run as lines for a person at a terminal, and questions to that person.

Guarantees what a model or a tool wrote cannot move the cursor or colour the screen.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from dspy_programs.text import printable, shortened

_ENDS = {"completed": "completed", "unverified": "done, but not verified"}
_WIDEST = 160  # characters of a line
_MARKS = {"added": "[ ]", "in_progress": "[-]", "complete": "[x]", "failed": "[!]"}


def printed(event: Mapping[str, Any]) -> None:
    """Print an event on standard error, if it says something to a person."""
    if line := " ".join(line_of(event).split()):
        whole = event["kind"] == "stop"
        print(printable(line if whole else shortened(line, _WIDEST)), file=sys.stderr, flush=True)


def line_of(event: Mapping[str, Any]) -> str:
    """Return an event in one line, "" if there is nothing to say."""
    match event:
        case {"kind": "plan"}:
            return f"plan ({event['answered_by']}): {event['rationale']}"
        case {"kind": "task", "change": change, "task": task} if change in _MARKS and not task["replaced"]:
            why = f": {task['notes'][-1]}" if change == "failed" and task["notes"] else ""
            return f"{_MARKS[change]} {task['id']} {task['title']}{why}"
        case {"kind": "call"}:
            given = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in event["arguments"].items())
            return f"    {event['tool']}({', '.join(given)})"
        case {"kind": "result", "ok": True, "result": result}:
            return f"    -> {result}"
        case {"kind": "result", "result": result}:
            return f"    !> {result['error']}"
        case {"kind": "note"}:
            return f"note: {event['text']}"
        case {"kind": "stop"}:
            return f"{_ENDS.get(event['outcome'], 'not done')}: {event['why']}"
    return ""


def asked_here(question: str) -> str | None:
    """Ask the person at the terminal; None if nothing is answered."""
    print(printable(question), file=sys.stderr, flush=True)
    try:
        return input("> ").strip() or None
    except (EOFError, OSError):
        return None

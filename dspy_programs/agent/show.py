"""A run as lines for a person at a terminal, and questions to that person.

Guarantees what a model or a tool wrote cannot move the cursor or colour the screen.
"""

import sys
from collections.abc import Mapping
from typing import Any

from dspy_programs.text import printable, shortened

_WIDEST = 160  # characters of a line
_MARKS = {"added": "[ ]", "in_progress": "[-]", "complete": "[x]", "failed": "[!]"}


def printed(event: Mapping[str, Any]) -> None:
    """Print an event on standard error, if it says something to a person."""
    if line := line_of(event):
        print(printable(shortened(" ".join(line.split()), _WIDEST)), file=sys.stderr, flush=True)


def line_of(event: Mapping[str, Any]) -> str:
    """Return an event in one line, "" if there is nothing to say."""
    match event:
        case {"kind": "plan"}:
            return f"plan ({event['answered_by']}): {event['rationale']}"
        case {"kind": "task", "change": change, "task": task} if change in _MARKS:
            why = f": {task['notes'][-1]}" if change == "failed" and task["notes"] else ""
            return f"{_MARKS[change]} {task['id']} {task['title']}{why}"
        case {"kind": "call"}:
            return f"    {event['tool']} {event['arguments']}"
        case {"kind": "result"}:
            return f"    {'->' if event['ok'] else '!>'} {event['result']}"
        case {"kind": "note"}:
            return f"note: {event['text']}"
        case {"kind": "stop"}:
            return f"stopped: {event['why']}"
    return ""


def asked_here(question: str) -> str | None:
    """Ask the person at the terminal; None if nothing is answered."""
    print(printable(question), file=sys.stderr, flush=True)
    try:
        return input("> ").strip() or None
    except (EOFError, OSError):
        return None

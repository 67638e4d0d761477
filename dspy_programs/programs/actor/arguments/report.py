"""What a check finds: repairs and problems, put into words only at the end."""

import json
from collections.abc import Callable
from typing import Any

DEEPEST = 64  # levels of a value, or of a schema
_MOST_VISITS = 100_000  # values looked at in one check
LONGEST_SHOWN = 60  # characters of a value in a message
MOST_TOLD = 20  # repairs, and problems, that are put into words
MISSING = object()  # no value at all
_JSON = json.JSONEncoder(ensure_ascii=False)


class Report:
    """What a check finds, put into words only at the end, because most trials are discarded.

    Visits are counted over all trials of the check, so that it always terminates.
    """

    __slots__ = ("problems", "repairs", "visits")

    def __init__(self, visits: list[int]) -> None:
        self.repairs: list[tuple[str, Any, Any]] = []
        self.problems: list[tuple[str, Any, str]] = []
        self.visits = visits

    def repair(self, path: str, before: Any, after: Any) -> Any:
        self.repairs.append((path, before, after))
        return after

    def problem(self, path: str, value: Any, fault: str) -> Any:
        self.problems.append((path, value, fault))
        return value

    def repairs_told(self) -> list[str]:
        told = [f"{path}: {json_excerpt(before)} {_made(after)}" for path, before, after in self.repairs[:MOST_TOLD]]
        return told + _and_more(len(self.repairs))

    def problems_told(self) -> list[str]:
        told = [
            f"{path}: {fault if value is MISSING else f'{json_excerpt(value)} {fault}'}"
            for path, value, fault in self.problems[:MOST_TOLD]
        ]
        told = list(dict.fromkeys(told))  # two parts of a schema may find the same
        return told + _and_more(len(self.problems))


Check = Callable[[Any, str, Report, int], Any]
"""(value, path, report, depth) -> the value, repaired."""


def exhausted(report: Report) -> bool:
    report.visits[0] += 1
    return report.visits[0] > _MOST_VISITS


def _made(value: Any) -> str:
    return "left out" if value is MISSING else f"made {json_excerpt(value)}"


def _and_more(found: int) -> list[str]:
    return [f"and {found - MOST_TOLD} more"] if found > MOST_TOLD else []


def json_excerpt(value: Any) -> str:
    """Format a value for a message as JSON, only as far as it is shown: it may be very large."""
    text = ""
    try:
        for chunk in _JSON.iterencode(value[: LONGEST_SHOWN + 1] if isinstance(value, str) else value):
            text += chunk[: LONGEST_SHOWN + 1]
            if len(text) > LONGEST_SHOWN:
                return f"{text[: LONGEST_SHOWN - 3]}..."
    except (TypeError, ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
    return text

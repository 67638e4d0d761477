"""The difference of two scores on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from dspy_programs.data.scorer.terminal import place, table_of


def parts_of_difference(found: Mapping[str, Any]) -> "list[Table | Text | str]":
    """Return a difference as it is printed."""
    before, after = found["before"], found["after"]
    names = place(before["dataset"]), place(after["dataset"])
    names = names if names[0] != names[1] else ("before", "after")
    rows = [[each["check"], _score(each["before"]), _score(each["after"]), _change(each["change"])] for each in found["checks"]]
    whole = [
        "total",
        f"{before['score']:.1f} {before['band']}",
        f"{after['score']:.1f} {after['band']}",
        f"{found['change']:+.1f}",
    ]
    changed = [[each["check"], each["kind"], each["before"], each["after"]] for each in found["findings"]]
    parts: list[Table | Text | str] = [table_of(["check", *names, "change"], [whole, *rows])]
    shared = (
        f"{found['shared_rows']:,} distinct rows are in both, of {before['distinct_rows']:,} and {after['distinct_rows']:,}"
    )
    parts.append(f"\n{shared}\n")
    if changed:
        parts.append(table_of(["check", "finding", f"rows {names[0]}", f"rows {names[1]}"], changed))
    return parts


def _score(score: float | None) -> str:
    return "left out" if score is None else f"{score:.3f}"


def _change(change: float | None) -> str:
    return "" if not change else f"{change:+.3f}"

"""The counts of a data set on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from dspy_programs.data.scorer.terminal import table_of
from dspy_programs.text import quantity

_MOST_FIELDS = 40


def parts_of_stats(found: Mapping[str, Any]) -> "list[Table | Text | str]":
    """Return the counts as they are printed."""
    unreadable = f", {found['unreadable']:,} more unreadable" if found["unreadable"] else ""
    parts: list[Table | Text | str] = [f"{quantity(found['rows'], 'row')}{unreadable}, format {found['detected_format']}\n"]
    if len(found["formats"]) > 1:
        parts.append(f"formats: {', '.join(f'{count:,} {name}' for name, count in found['formats'].items())}\n")
    fields = [[each["field"], each["rows"], each["filled"], " or ".join(each["types"])] for each in found["fields"]]
    parts.append(table_of(["field", "rows", "filled", "type"], fields[:_MOST_FIELDS]))
    if len(fields) > _MOST_FIELDS:
        parts.append(f"and {len(fields) - _MOST_FIELDS:,} more fields")
    lengths = [[name.replace("_", " "), *each.values()] for name, each in found["lengths"].items()]
    parts += ["", table_of(["length", *next(iter(found["lengths"].values()), {})], lengths)]
    if found["tokens_by"]:
        parts.append(f"tokens by {found['tokens_by']}")
    for name, counts in found["categories"].items():
        parts += ["", table_of([name, "rows"], [[value, count] for value, count in counts.items()])]
    if found["languages"]:
        judged = f"rows of {found['languages_of']:,} judged"
        parts += ["", table_of(["language", judged], [[name, count] for name, count in list(found["languages"].items())[:20]])]
    return parts

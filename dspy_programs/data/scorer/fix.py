"""Writes a mended data set, and beside it a line for each change: nothing is dropped or altered in silence."""

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

from dspy_programs.atomic_file import opened_atomically
from dspy_programs.data.scorer.mending import Change, Mender
from dspy_programs.tables import Found

_LONGEST = 500  # characters of a value in the list of changes


class Fixed(NamedTuple):
    """reasons: how many changes of each; first: some of each."""

    read: int
    kept: int
    changed: int
    dropped: int
    reasons: Counter[str]
    first: dict[str, list[Change]]


def changes_of(output: Path) -> Path:
    """Return the file of the changes that led to a mended file."""
    return output.with_name(f"{output.name}.changes.jsonl")


def fix(rows: Iterable[Found], output: Path | None, examples: int = 3) -> Fixed:
    """Mend rows and write them as JSON lines; without an output only say what would be done.

    Guarantees both files are written completely or not at all. Raises UsageError if one cannot be.
    """
    mender = Mender()
    read = kept = changed = dropped = 0
    reasons: Counter[str] = Counter()
    first: dict[str, list[Change]] = {}
    with ExitStack() as open_files:
        good = open_files.enter_context(opened_atomically(output)) if output else None
        told = open_files.enter_context(opened_atomically(changes_of(output))) if output else None
        for found in rows:
            read += 1
            fields, changes = mender.mend(found)
            for change in changes:
                kind = kind_of(change)
                reasons[kind] += 1
                if len(first.setdefault(kind, [])) < examples:
                    first[kind].append(change)
                _write(told, _short(change.as_dict()))
            if fields is None:
                dropped += 1
                continue
            kept += 1
            changed += bool(changes)
            _write(good, fields)
    return Fixed(read, kept, changed, dropped, reasons, first)


def kind_of(change: Change) -> str:
    """Return a change in words, without what is special to its row."""
    if change.field:
        return f"{change.field}: {change.reason.rpartition(': ')[2]}"
    is_copy = change.reason.startswith("the same as")
    return f"dropped: {'the same as an earlier row' if is_copy else change.reason.partition(':')[0]}"


def _write(file: IO[bytes] | None, value: Any) -> None:
    if file:
        file.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")


def _short(value: Any) -> Any:
    """Return a value with long texts cut: the list of changes is for reading, the data is in the old file."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value) - _LONGEST:,} more characters)"
    if isinstance(value, dict):
        return {name: _short(each) for name, each in value.items()}
    return [_short(each) for each in value] if isinstance(value, list) else value

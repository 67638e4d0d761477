"""The rows that are left without errors and duplicates, and those that are not, each with the reason."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dspy_programs.atomic_file import opened_atomically
from dspy_programs.data.checks.checked_block import BAD, PERSONAL
from dspy_programs.data.checks.pii import redacted_pair
from dspy_programs.data.checks.rows import Duplicate, Rows
from dspy_programs.data.checks.schema import parsed
from dspy_programs.data.pair import DataPair
from dspy_programs.data.pairs_file import as_line

_AT_ONCE = 256  # rows


class Written(NamedTuple):
    kept: int
    dropped: int
    redacted: int


def rejects_of(path: Path) -> Path:
    """Return where the rows that were dropped are listed: beside the clean ones."""
    return path.with_name(f"{path.name.removesuffix('.jsonl')}.rejects.jsonl")


def write_clean(
    source: Path, target: Path, rows: Rows, reasons: Iterator[tuple[int, str]], duplicates: Iterable[Duplicate], redact: bool
) -> Written:
    """Copy the rows that stay, byte for byte, and list the others. Both files are there at the end, or neither is new.

    reasons: the rows with errors, in order, each with its reason. redact: without personal data, with ids of what is left.
    """
    of = {each.row: each for each in duplicates}
    at, length, number, flags = (rows.values(name) for name in ("at", "length", "number", "flags"))
    known = next(reasons, None)
    dropped = redacted = done = 0
    with opened_atomically(rejects_of(target)) as rejects, opened_atomically(target) as clean, source.open("rb") as file:
        for row in [*np.union1d(np.flatnonzero(flags), np.array([*of], np.int64)).tolist(), rows.count]:
            for lines in _lines(file, at, length, done, row):
                clean.write(lines)
            done = row + 1
            if row == rows.count:
                break
            reason = ""
            if known and known[0] == row:
                reason, known = known[1], next(reasons, None)
            elif row in of:
                reason = _reason(of[row], rows)
            file.seek(int(at[row]))
            line = file.read(int(length[row]))
            if reason:
                dropped += 1
                rejects.write(_reject(line, int(number[row]), reason, bool(flags[row] & BAD)))
                continue
            if redact and flags[row] & PERSONAL:
                redacted += 1
                line = _redacted(line)
            clean.write(line.rstrip(b"\r\n") + b"\n")
    return Written(rows.count - dropped, dropped, redacted)


def _lines(file: IO[bytes], at: NDArray[np.int64], length: NDArray[np.uint32], row: int, end: int) -> Iterator[bytes]:
    """Yield the lines of rows that follow each other, many at once: from `row`, to before `end`."""
    while row < end:
        some = slice(row, min(row + _AT_ONCE, end))
        gaps = np.flatnonzero(at[some][1:] != at[some][:-1] + length[some][:-1] + 1)  # lines without a row
        last = int(row + gaps[0]) if len(gaps) else some.stop - 1
        file.seek(int(at[row]))
        lines = file.read(int(at[last]) + int(length[last]) - int(at[row]))
        if b"\r" in lines:
            lines = b"\n".join(line.rstrip(b"\r") for line in lines.split(b"\n"))
        yield lines + b"\n"
        row = last + 1


def _reason(duplicate: Duplicate, rows: Rows) -> str:
    of = rows.read(duplicate.of).identified().id
    return f"{duplicate.check}: {duplicate.message(of)}"


def _reject(line: bytes, number: int, reason: str, is_bad: bool) -> bytes:
    """Return a line of the rejects file: the row itself, or the beginning of what is none."""
    pair = None if is_bad else parsed(line)
    if isinstance(pair, DataPair):
        row: object = pair.identified().model_dump(mode="json", exclude_defaults=True)
    else:
        row = line[:2000].decode("utf-8", "replace")
    return json.dumps({"line": number, "reason": reason, "row": row}, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _redacted(line: bytes) -> bytes:
    pair = parsed(line)
    return as_line(redacted_pair(pair)) if isinstance(pair, DataPair) else line

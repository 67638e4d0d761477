"""The rows of a data set on the disk while it is scored: for examples, and to compare what may be near duplicates.

A file of its own, since a row may come from standard input, from CSV or from the Hub. It has no name, so that nothing stays
whatever ends the process.
"""

import json
import tempfile
from array import array
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple


class Kept(NamedTuple):
    where: str
    fields: dict[str, Any]


class KeptRows:
    """Rows by their number, from 0. Takes 8 bytes of memory a row. Use it in a `with` block."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+b", buffering=1 << 20)
        self._starts = array("q", [0])
        self._end = 0

    def __enter__(self) -> "KeptRows":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def add(self, where: str, fields: Mapping[str, Any]) -> None:
        line = json.dumps([where, fields], default=str).encode()
        self._end += self._file.write(line)
        self._starts.append(self._end)

    def read(self, row: int) -> Kept:
        start = self._starts[row]
        self._file.seek(start)
        return Kept(*json.loads(self._file.read(self._starts[row + 1] - start)))

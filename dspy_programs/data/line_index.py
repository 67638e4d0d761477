"""The lines of a JSONL file by an id in them, read from the disk when asked for: 16 bytes of memory a line.

Guarantees a line that was cut off, because whoever wrote it was killed, is no line: it is counted in `broken`, and the rest
           is read. What is appended while the file is in use is seen after `refresh`.
Raises     UsageError if the file cannot be read.
"""

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from dspy_programs.errors import UsageError

_MASK = (1 << 64) - 1


class LineIndex:
    """Lines are objects; those with the same id are versions of one thing, the last of which counts."""

    def __init__(self, path: Path, key: str = "pair_id") -> None:
        """key: where the id is. A file that is not there yet has no lines."""
        self.path, self._key = path, key
        self.broken = 0
        self._end = 0
        self._later: dict[int, list[int]] = {}
        hashes, places = array("Q"), array("Q")
        for place, line in self._lines():
            hashes.append(_hash(line[self._key]))
            places.append(place)
        order = np.argsort(np.frombuffer(hashes, np.uint64), kind="stable") if hashes else np.empty(0, np.int64)
        self._hashes, self._places = _ordered(hashes, order), _ordered(places, order)
        self._file = path.open("rb") if path.is_file() else None

    def __len__(self) -> int:
        """Return how many lines there are, of whatever id."""
        return len(self._hashes) + sum(map(len, self._later.values()))

    def newest_first(self, id_: str) -> Iterator[dict[str, Any]]:
        """Yield the lines of an id."""
        for place in self._places_of(id_):
            if (line := self._line_at(place)) is not None and line[self._key] == id_:
                yield line

    def last(self, id_: str) -> dict[str, Any] | None:
        return next(self.newest_first(id_), None)

    def all_lines(self) -> Iterator[dict[str, Any]]:
        """Yield every line, oldest first, as far as the file has been read."""
        for place, line in self._read(0):
            if place < self._end:
                yield line

    def all_last(self) -> Iterator[dict[str, Any]]:
        """Yield the last line of every id, in the order of the file."""
        for place, line in self._read(0):
            if place < self._end and self._is_last(line[self._key], place):
                yield line

    def refresh(self) -> None:
        """Read what was appended since."""
        for place, line in self._lines():
            self._later.setdefault(_hash(line[self._key]), []).append(place)
        if self._file is None and self.path.is_file():
            self._file = self.path.open("rb")

    def has_grown(self, id_: str) -> bool:
        """Return whether the id has lines that were appended since."""
        return _hash(id_) in self._later

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _places_of(self, id_: str) -> Iterator[int]:
        hashed = _hash(id_)
        yield from reversed(self._later.get(hashed, ()))
        for number in range(bisect_right(self._hashes, hashed) - 1, -1, -1):
            if self._hashes[number] != hashed:
                return
            yield self._places[number]

    def _is_last(self, id_: str, place: int) -> bool:
        for other in self._places_of(id_):
            if other == place:
                return True
            if (line := self._line_at(other)) is not None and line[self._key] == id_:
                return False
        return False

    def _line_at(self, place: int) -> dict[str, Any] | None:
        if self._file is None:
            return None
        self._file.seek(place)
        return self._object_in(self._file.readline())

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the lines from where reading ended, with their places; remember how far that is."""
        yield from self._read(self._end, counted=True)

    def _read(self, start: int, counted: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                place = start
                for line in file:
                    found = self._object_in(line)
                    if found is not None:
                        yield place, found
                    elif line.strip() and line.endswith(b"\n"):
                        self.broken += counted
                    elif line.strip():
                        return  # cut off, or still being written: it is read again
                    place += len(line)
                    if counted:
                        self._end = place
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror or error}") from error

    def _object_in(self, line: bytes) -> dict[str, Any] | None:
        try:
            found = from_json(line)
        except ValueError:
            try:
                found = json.loads(line)  # which takes lone surrogates
            except (ValueError, RecursionError):
                return None
        return found if isinstance(found, dict) and isinstance(found.get(self._key), str) else None


def _hash(id_: str) -> int:
    return hash(id_) & _MASK


def _ordered(values: "array[int]", order: NDArray[np.int64]) -> "array[int]":
    return array("Q", np.frombuffer(values, np.uint64)[order].tobytes()) if values else values

"""What is known of each row when all are read: where it is, its digest, its bands; and the duplicates among the rows.

Digests and sketches only say which rows to compare. Those are read again from the file, so every duplicate is a real one.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.candidates import candidate_pairs
from dspy_programs.data.checks.checked_block import BAD, CheckedBlock
from dspy_programs.data.checks.comparing import Couples
from dspy_programs.data.checks.dedup import content_key
from dspy_programs.data.checks.growing_numbers import Growing
from dspy_programs.data.checks.minhash import BANDS
from dspy_programs.data.checks.schema import parsed
from dspy_programs.data.pair import DataPair

_AT_ONCE = 512  # couples
_MOST_BYTES = 1 << 22
_KINDS: dict[str, type[np.generic]] = {
    "at": np.int64, "length": np.uint32, "number": np.uint32, "flags": np.uint8, "digest": np.uint64,
}  # fmt: skip


class Duplicate(NamedTuple):
    """A row that an earlier one makes superfluous. similarity: 1.0 for the same but for case and spaces."""

    row: int
    of: int
    similarity: float
    check: str

    def message(self, of: str) -> str:
        """Say what it is; `of` is the id of the other."""
        return f"duplicate of {of}" if self.check == "dedup" else f"near duplicate of {of} ({self.similarity:.2f})"


class Batch(NamedTuple):
    """Rows to compare: couples of a later and an earlier row, the lines of all of them, and each couple's places there."""

    couples: list[tuple[int, int]]
    lines: list[bytes]
    places: Couples


Comparing = Callable[[Iterable[Batch]], Iterable[tuple[list[tuple[int, int]], NDArray[np.float64]]]]


class Rows:
    """The rows of a file, by their number from 0."""

    def __init__(self, path: Path, with_bands: bool) -> None:
        self._file = path.open("rb")
        self._columns = {name: Growing(kind) for name, kind in _KINDS.items()}
        self._bands = [Growing(np.uint32) for _ in range(BANDS if with_bands else 0)]
        self.count = 0

    def close(self) -> None:
        self._file.close()
        for column in (*self._columns.values(), *self._bands):
            column.close()

    def add(self, block: CheckedBlock, offset: int) -> None:
        """Take the rows of a block that begins at an offset, in bytes."""
        self._columns["at"].add(block.offsets.astype(np.int64) + offset)
        self._columns["length"].add(block.lengths)
        self._columns["number"].add(block.numbers)
        self._columns["flags"].add(block.flags)
        self._columns["digest"].add(block.digests)
        if self._bands and block.bands is not None:
            for column, band in zip(self._bands, block.bands, strict=True):
                column.add(band)
        self.count += len(block.offsets)

    def values(self, name: str) -> NDArray[Any]:
        """Return one value of each row: at, length, number (of its line), flags or digest."""
        return self._columns[name].all()

    @cached_property
    def _places(self) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        return self.values("at"), self.values("length")

    def read(self, row: int) -> DataPair:
        """Return a row's pair, from the file."""
        pair = parsed(self._line(row))
        if not isinstance(pair, DataPair):
            raise ValueError(f"row {row} was a pair and is no longer one: the file has changed")
        return pair

    def _line(self, row: int) -> bytes:
        at, length = self._places
        return os.pread(self._file.fileno(), int(length[row]), int(at[row]))

    def exact_duplicates(self) -> list[Duplicate]:
        """Return the rows that are the same as an earlier one, in order."""
        good = np.flatnonzero((self.values("flags") & BAD) == 0)
        digests = self.values("digest")[good]
        order = np.argsort(digests)
        same = digests[order][1:] == digests[order][:-1]
        met = np.concatenate([same, [False]]) | np.concatenate([[False], same]) if len(order) else np.empty(0, np.bool_)
        first: dict[bytes, int] = {}
        found = []
        for row in np.sort(good[order[met]]).tolist():
            of = first.setdefault(content_key(self.read(row)), row)
            if of != row:
                found.append(Duplicate(row, of, 1.0, "dedup"))
        return found

    def near_duplicates(self, compared: Comparing, but: list[Duplicate]) -> list[Duplicate]:
        """Return the rows that are nearly the same as an earlier one that stays, in order; `but` are gone already."""
        is_live = (self.values("flags") & BAD) == 0
        is_live[[each.row for each in but]] = False
        live = np.flatnonzero(is_live)
        gone: set[int] = set()
        found = []
        for couples, indices in compared(self._batches(live, candidate_pairs(self._bands, live), gone)):
            for (row, of), index in zip(couples, indices.tolist(), strict=True):
                if index and row not in gone and of not in gone:
                    gone.add(row)
                    found.append(Duplicate(row, of, index, "near_dup"))
        return found

    def _batches(self, live: NDArray[np.int64], pairs: Iterable[int], gone: set[int]) -> Iterator[Batch]:
        """Yield what is to be compared, without the rows that are known to be gone."""
        places: dict[int, int] = {}
        couples: list[tuple[int, int]] = []
        size = 0
        for pair in pairs:
            row, of = int(live[pair >> 32]), int(live[pair & 0xFFFFFFFF])
            if row in gone or of in gone:
                continue
            couples.append((row, of))
            for each in (of, row):
                if each not in places:
                    places[each] = len(places)
                    size += int(self._places[1][each])
            if len(couples) >= _AT_ONCE or size > _MOST_BYTES:
                yield self._batch(places, couples)
                places, couples, size = {}, [], 0
        if couples:
            yield self._batch(places, couples)

    def _batch(self, places: dict[int, int], couples: list[tuple[int, int]]) -> Batch:
        lines = [self._line(row) for row in places]
        return Batch(couples, lines, np.array([(places[row], places[of]) for row, of in couples], np.uint32))

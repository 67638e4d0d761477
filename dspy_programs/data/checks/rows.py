"""What is kept of each row until all are read, 110 bytes: where it is, its digest, its bands; and the duplicates among them.

Digests and sketches only say which rows to compare. Those are read again from the file, so every duplicate is a real one.
"""

import functools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.candidates import Column, candidate_pairs
from dspy_programs.data.checks.checked_block import BAD, CheckedBlock
from dspy_programs.data.checks.dedup import content_key
from dspy_programs.data.checks.minhash import BANDS
from dspy_programs.data.checks.near_dup import Shape, shape_of, similarity
from dspy_programs.data.checks.schema import parsed
from dspy_programs.data.pair import DataPair


class Duplicate(NamedTuple):
    """A row that an earlier one makes superfluous. similarity: 1.0 for the same but for case and spaces."""

    row: int
    of: int
    similarity: float
    check: str

    def message(self, of: str) -> str:
        """Say what it is; `of` is the id of the other."""
        return f"duplicate of {of}" if self.check == "dedup" else f"near duplicate of {of} ({self.similarity:.2f})"


class Rows:
    """The rows of a file, by their number from 0."""

    def __init__(self, path: Path, with_bands: bool) -> None:
        self._file = path.open("rb")
        self._parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in ("at", "length", "number", "flags", "digest")}
        self._bands: list[list[Column]] = [[] for _ in range(BANDS if with_bands else 0)]
        self.count = 0

    def close(self) -> None:
        self._file.close()

    def add(self, block: CheckedBlock, offset: int) -> None:
        """Take the rows of a block that begins at an offset, in bytes."""
        self._parts["at"].append(block.offsets.astype(np.int64) + offset)
        self._parts["length"].append(block.lengths.copy())
        self._parts["number"].append(np.array(block.numbers, np.uint32))
        self._parts["flags"].append(block.flags.copy())
        self._parts["digest"].append(block.digests.copy())
        if self._bands and block.bands is not None:
            for column, band in zip(self._bands, block.bands, strict=True):
                column.append(band.copy())  # a view would keep the whole message
        self.count += len(block.offsets)

    def values(self, name: str) -> NDArray[np.generic]:
        """Return one value of each row: at, length, number (of its line), flags or digest."""
        parts = self._parts[name]
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0] if parts else np.empty(0, np.int64)

    def read(self, row: int) -> DataPair:
        """Return a row's pair, from the file."""
        length = int(self.values("length")[row])
        pair = parsed(os.pread(self._file.fileno(), length, int(self.values("at")[row])))
        if not isinstance(pair, DataPair):
            raise ValueError(f"row {row} was a pair and is none now: the file has changed")
        return pair

    def exact_duplicates(self) -> list[Duplicate]:
        """Return the rows that are the same as an earlier one, in order."""
        good = np.flatnonzero((self.values("flags").astype(np.uint8) & BAD) == 0)
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

    def near_duplicates(self, threshold: float, but: list[Duplicate]) -> list[Duplicate]:
        """Return the rows that are nearly the same as an earlier one that stays, in order; `but` are gone already."""
        live = (self.values("flags").astype(np.uint8) & BAD) == 0
        live[[each.row for each in but]] = False
        columns = [self._column(band) for band in range(len(self._bands))]
        pairs = candidate_pairs(columns, np.flatnonzero(live))
        gone: set[int] = set()
        found = []

        @functools.lru_cache(maxsize=4096)
        def shape(row: int) -> Shape:
            return shape_of(self.read(row))

        for pair in pairs:
            row, of = int(pair) >> 32, int(pair) & 0xFFFFFFFF
            if row in gone or of in gone:
                continue
            if index := similarity(shape(row), shape(of), threshold):
                gone.add(row)
                found.append(Duplicate(row, of, index, "near_dup"))
        return found

    def _column(self, band: int) -> Column:
        parts = self._bands[band]
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0] if parts else np.empty(0, np.uint32)

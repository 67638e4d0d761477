"""Rows on their way to disk: kept in a file until all are read, then duplicates and contradictions are found and splits made.

Memory     about 120 bytes a row, twice that for one that is left out; the rows themselves are on disk.
Guarantees every row ends either in a split or among the rejects with its reason. All rows of a goal, whatever its numbers,
           are in one split, and the same goal is in the same split in every harvest.
"""

import contextlib
import hashlib
import itertools
import json
import os
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks import BANDS, Growing, Shape, Text, bands_of, candidate_pairs, similarity, words_of

NEAR = 0.7  # Jaccard index of words and pairs of words from which two rows are near duplicates
FEWEST_GOALS = 10  # below that nothing is held back: `train` splits the rows itself
_OF_TEN = ("train",) * 6 + ("val",) * 2 + ("test",) * 2
_BATCH = 500
_SHAPE = ("asked", "given", "answered")

Line = dict[str, Any]
Reject = Callable[[Line, str], None]


class Store:
    """The rows of one program."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)
        self._at, self._length = array("Q"), array("I")
        self._inputs, self._labels, self._goals = array("Q"), array("Q"), array("Q")
        self._bands = [Growing(np.uint32) for _ in range(BANDS)]
        self._texts: list[str] = []

    def close(self) -> None:
        self._file.close()
        for band in self._bands:
            band.close()

    @property
    def count(self) -> int:
        return len(self._at)

    def add(self, fields: Line, provenance: Line, labels: Line, shape: dict[str, str], goal: str) -> None:
        """Keep a row. fields: inputs and labels; shape: what near duplicates are judged by."""
        line = json.dumps([fields, provenance, shape], ensure_ascii=False).encode("utf-8", "replace")
        self._at.append(self._file.seek(0, os.SEEK_END))
        self._length.append(len(line))
        self._file.write(line)
        inputs = {name: value for name, value in fields.items() if name not in labels and name != "id"}
        for keys, value in ((self._inputs, inputs), (self._labels, labels), (self._goals, goal)):
            keys.append(number_of(value))
        self._texts.append("\n".join(shape[name] for name in _SHAPE))
        if len(self._texts) == _BATCH:
            self._sketch()

    def _sketch(self) -> None:
        if self._texts:
            for band, values in zip(
                self._bands, bands_of(words_of(self._texts), np.zeros(len(self._texts), np.uint64)), strict=True
            ):
                band.add(values)
            self._texts = []

    def read(self, row: int) -> list[Any]:
        """Return fields, provenance and shape of a row."""
        found: list[Any] = json.loads(os.pread(self._file.fileno(), self._length[row], self._at[row]))
        return found

    def finish(self, per_goal: int, one_answer: bool, write: Callable[[str, Line], None], reject: Reject) -> Counter[str]:
        """Write each row to its split, or among the rejects. Returns how many rows each split has.

        one_answer: whether two answers to the same inputs contradict each other; else the commoner one stays, or the shorter.
        """
        self._file.flush()
        self._sketch()
        reasons = self._superfluous(per_goal, one_answer)
        goals = np.frombuffer(self._goals, np.uint64) if self.count else np.empty(0, np.uint64)
        kept = np.array([row not in reasons for row in range(self.count)], bool)
        splits = np.array(_OF_TEN)[(goals % np.uint64(10)).astype(np.int64)]
        if len(np.unique(goals[kept])) < FEWEST_GOALS or len(np.unique(splits[kept])) < 3:
            splits[:] = "train"
        counts: Counter[str] = Counter()
        for row in range(self.count):
            fields, provenance, _ = self.read(row)
            if row in reasons:
                reject({**provenance, "row": fields}, reasons[row])
                continue
            counts[str(splits[row])] += 1
            write(str(splits[row]), {**fields, "provenance": provenance})
        return counts

    def _superfluous(self, per_goal: int, one_answer: bool) -> dict[int, str]:
        """Return the rows that are left out, each with the reason."""
        reasons: dict[int, str] = {}
        inputs, labels, goals = (np.frombuffer(each, np.uint64) if each else np.empty(0, np.uint64) for each in self._keys())
        for rows in _groups(inputs):
            times = Counter(labels[rows].tolist())
            if len(times) > 1 and one_answer:
                for row in rows.tolist():
                    other = next(each for each in rows.tolist() if labels[each] != labels[row])
                    reasons[row] = f"contradicts {self._id(other)}: the same inputs, another answer"
                continue
            best = min(rows.tolist(), key=lambda row: (-times[int(labels[row])], self._length[row], row))
            for row in rows.tolist():
                if row != best:
                    same = labels[row] == labels[best]
                    reasons[row] = f"{'duplicate of' if same else 'another answer is commoner or shorter:'} {self._id(best)}"
        seen: Counter[int] = Counter()
        too_many = f"more than {per_goal} rows of one goal"
        for row, goal in enumerate(goals.tolist()):
            if row not in reasons:
                seen[goal] += 1
                if seen[goal] > per_goal:
                    reasons[row] = too_many
        return reasons | self._near(reasons)

    def _keys(self) -> Iterator["array[int]"]:
        yield from (self._inputs, self._labels, self._goals)

    def _near(self, gone: dict[int, str]) -> dict[int, str]:
        live = np.array([row for row in range(self.count) if row not in gone], np.int64)
        if not len(live):
            return {}

        @lru_cache(maxsize=4096)
        def shape(row: int) -> Shape:
            told = self.read(row)[2]
            return Shape(Text(told["asked"]), Text(told["given"]), Text(told["answered"]), "", False)

        found: dict[int, str] = {}
        for pair in candidate_pairs(self._bands, live):
            row, of = int(live[int(pair) >> 32]), int(live[int(pair) & 0xFFFFFFFF])
            if row not in found and of not in found and (index := similarity(shape(row), shape(of), NEAR)):
                found[row] = f"near duplicate of {self._id(of)} ({index:.2f})"
        return found

    def _id(self, row: int) -> str:
        return str(self.read(row)[0]["id"])


def split_of(goal: str) -> str:
    """Return the split of a goal, given without its numbers, in a harvest that holds rows back."""
    return _OF_TEN[number_of(goal) % 10]


def number_of(value: Any) -> int:
    """Return 64 bits that stand for a JSON value."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _groups(keys: NDArray[np.uint64]) -> Iterator[NDArray[np.int64]]:
    """Yield the rows, in order, of each key that several rows have."""
    order = np.argsort(keys, kind="stable")
    borders = np.flatnonzero(np.diff(keys[order])) + 1
    for start, end in itertools.pairwise([0, *borders.tolist(), len(order)]):
        if end - start > 1:
            yield order[start:end]


@contextlib.contextmanager
def stores(names: list[str], folder: Path) -> Iterator[dict[str, Store]]:
    """Open a store for each program; their files go when they are closed."""
    with contextlib.ExitStack() as stack:
        opened = {name: Store(folder) for name in names}
        for each in opened.values():
            stack.callback(each.close)
        yield opened

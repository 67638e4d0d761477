"""Rows on their way to disk: kept in files until all are read, then superfluous ones are found and splits made.

Memory     about 150 bytes a row of one program at a time, while its rows are written; before that, none.
Guarantees every row ends either in a split or among the rejects with its reason. All rows of a goal, whatever its numbers,
           are in one split, and the same goal is in the same split in every harvest.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dspy_programs.data.checks import BANDS, Growing, bands_of, words_of
from optimizers.harvesting.superfluous import Kept, Superfluous

FEWEST_GOALS = 10  # below that nothing is held back: `train` splits the rows itself
_OF_TEN = ("train",) * 6 + ("val",) * 2 + ("test",) * 2
_BATCH = 500
_SHAPE = ("asked", "given", "answered")
_KINDS: dict[str, type[np.generic]] = {
    "at": np.int64, "length": np.uint32, "inputs": np.uint64, "labels": np.uint64, "goal": np.uint64,
}  # fmt: skip

Line = dict[str, Any]
Reject = Callable[[Line, str], None]


class Store:
    """The rows of one program."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)
        self._columns = {name: Growing(kind) for name, kind in _KINDS.items()}
        self._bands = [Growing(np.uint32) for _ in range(BANDS)]
        self._texts: list[str] = []
        self._size = 0
        self.count = 0

    def close(self) -> None:
        self._file.close()
        for column in (*self._columns.values(), *self._bands):
            column.close()

    def add(self, fields: Line, provenance: Line, labels: Line, shape: dict[str, str], goal: str) -> None:
        """Keep a row. fields: inputs and labels; shape: what near duplicates are judged by."""
        line = json.dumps([fields, provenance, shape], ensure_ascii=False).encode("utf-8", "replace")
        inputs = {name: value for name, value in fields.items() if name not in labels and name != "id"}
        values = (self._size, len(line), *map(number_of, (inputs, labels, goal)))
        for column, value in zip(self._columns.values(), values, strict=True):
            column.add([value])
        self._file.write(line)
        self._size += len(line)
        self.count += 1
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

    def finish(self, per_goal: int, one_answer: bool, write: Callable[[str, Line], None], reject: Reject) -> Counter[str]:
        """Write each row to its split, or among the rejects. Returns how many rows each split has.

        one_answer: whether two answers to the same inputs contradict each other; else the commoner one stays, or the shorter.
        """
        self._file.flush()
        self._sketch()
        at, length, inputs, labels, goals = (column.all() for column in self._columns.values())

        def read(row: int) -> list[Any]:
            found: list[Any] = json.loads(os.pread(self._file.fileno(), int(length[row]), int(at[row])))
            return found

        gone = Superfluous(Kept(read, length, inputs, labels, goals, self._bands), per_goal, one_answer)
        kept = np.unique(goals[gone.stays])
        is_split = len(kept) >= FEWEST_GOALS and len({_split(goal) for goal in kept.tolist()}) == 3
        counts: Counter[str] = Counter()
        for row in range(self.count):
            fields, provenance, _ = read(row)
            if not gone.stays[row]:
                reject({**provenance, "row": fields}, gone.reason(row))
                continue
            split = _split(int(goals[row])) if is_split else "train"
            counts[split] += 1
            write(split, {**fields, "provenance": provenance})
        return counts


def split_of(goal: str) -> str:
    """Return the split of a goal, given without its numbers, in a harvest that holds rows back."""
    return _split(number_of(goal))


def _split(goal: int) -> str:
    return _OF_TEN[goal % 10]


def number_of(value: Any) -> int:
    """Return 64 bits that stand for a JSON value."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


@contextlib.contextmanager
def stores(names: list[str], folder: Path) -> Iterator[dict[str, Store]]:
    """Open a store for each program; their files go when they are closed."""
    with contextlib.ExitStack() as stack:
        opened = {name: Store(folder) for name in names}
        for each in opened.values():
            stack.callback(each.close)
        yield opened

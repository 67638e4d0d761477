"""Which rows of a harvest are left out, and why: contradictions, duplicates, too many of one goal, near duplicates.

Memory     about 20 bytes a row, what the candidates need, and the words of rows with a million characters together.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks import Growing, Shape, Text, candidate_pairs, similarity

NEAR = 0.7  # Jaccard index of words and pairs of words from which two rows are near duplicates
_MOST_CHARACTERS = 1 << 20  # of the rows whose words are known; words take thirty bytes a character
_CONTRADICTS, _SAME, _OTHER, _MANY, _NEAR = range(1, 6)
_REASONS = {
    _CONTRADICTS: "contradicts {of}: the same inputs, another answer",
    _SAME: "duplicate of {of}",
    _OTHER: "another answer is commoner or shorter: {of}",
    _MANY: "more than {most} rows of one goal",
    _NEAR: "near duplicate of {of} ({index:.2f})",
}

Numbers = NDArray[np.uint64]
Read = Callable[[int], list[Any]]


class Kept(NamedTuple):
    """Rows by their number. read: gives fields, provenance and shape; lengths: in bytes; the rest stands for what it names."""

    read: Read
    lengths: NDArray[np.uint32]
    inputs: Numbers
    labels: Numbers
    goals: Numbers
    bands: Sequence[Growing]


class Superfluous:
    """The rows that are left out.

    one_answer: whether two answers to the same inputs contradict each other; else the commoner one stays, or the shorter.
    """

    def __init__(self, kept: Kept, per_goal: int, one_answer: bool) -> None:
        self._kept, self._per_goal = kept, per_goal
        self._why = np.zeros(len(kept.lengths), np.uint8)
        self._of = np.zeros(len(kept.lengths), np.uint32)
        self._similarity = np.zeros(len(kept.lengths))
        for rows in _groups(kept.inputs):
            self._of_one_input(rows.tolist(), one_answer)
        self._beyond_goal()
        self._near()

    @property
    def stays(self) -> NDArray[np.bool_]:
        """Return of each row whether it stays."""
        return self._why == 0

    def reason(self, row: int) -> str:
        """Say why a row is left out."""
        of = self._kept.read(int(self._of[row]))[0]["id"]
        return _REASONS[int(self._why[row])].format(of=of, most=self._per_goal, index=self._similarity[row])

    def _leave_out(self, row: int, why: int, of: int) -> None:
        self._why[row], self._of[row] = why, of

    def _of_one_input(self, rows: list[int], one_answer: bool) -> None:
        labels, lengths = self._kept.labels, self._kept.lengths
        times = Counter(labels[rows].tolist())
        if len(times) > 1 and one_answer:
            for row in rows:
                self._leave_out(row, _CONTRADICTS, next(each for each in rows if labels[each] != labels[row]))
            return
        best = min(rows, key=lambda row: (-times[int(labels[row])], lengths[row], row))
        for row in rows:
            if row != best:
                self._leave_out(row, _SAME if labels[row] == labels[best] else _OTHER, best)

    def _beyond_goal(self) -> None:
        live = np.flatnonzero(self.stays)
        for places in _groups(self._kept.goals[live]):
            self._why[live[places[self._per_goal :]]] = _MANY

    def _near(self) -> None:
        live = np.flatnonzero(self.stays)
        shape = _Shapes(self._kept.read).of
        for pair in candidate_pairs(self._kept.bands, live):
            row, of = int(live[pair >> 32]), int(live[pair & 0xFFFFFFFF])
            if self._why[row] or self._why[of]:
                continue
            if index := similarity(shape(row), shape(of), NEAR):
                self._leave_out(row, _NEAR, of)
                self._similarity[row] = index


class _Shapes:
    """Rows as they are compared; those that were read last are kept."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[int, Shape] = {}
        self._characters = 0

    def of(self, row: int) -> Shape:
        if row not in self._known:
            told = self._read(row)[2]
            size = len(told["asked"]) + len(told["given"]) + len(told["answered"])
            while self._known and self._characters + size > _MOST_CHARACTERS:
                oldest = self._known.pop(next(iter(self._known)))
                self._characters -= len(oldest.asked) + len(oldest.given) + len(oldest.answered)
            self._known[row] = Shape(Text(told["asked"]), Text(told["given"]), Text(told["answered"]), "", False)
            self._characters += size
        return self._known[row]


def _groups(keys: Numbers) -> Iterator[NDArray[np.int64]]:
    """Yield the rows, in order, of each key that several rows have."""
    order = np.argsort(keys, kind="stable")
    borders = np.flatnonzero(np.diff(keys[order])) + 1
    for start, end in itertools.pairwise([0, *borders.tolist(), len(order)]):
        if end - start > 1:
            yield order[start:end]

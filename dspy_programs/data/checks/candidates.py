"""Which rows meet in three bands of their sketches: the pairs that are worth comparing, in bounded memory.

Rows of one form ("Translate into French: ...") may share a band by the tens of thousands; there only those are looked at that
share the next band too, or the one after it, and of them each with the nearest. In memory are one band of all rows, a byte of
each other, by which most are told not to share enough, and of the pairs those of some rows.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.growing_numbers import Growing

Column = NDArray[np.uint32]
Places = NDArray[np.int64]
Pairs = NDArray[np.uint64]

_MOST = 16  # rows of one run that all meet each other
_LAST = 8  # rows before it that each row of a long run meets, and the first
_DEPTH = 3  # bands
_SHARED = 3  # bands
_CHUNK = 1 << 14
_BITS = 20
_PART, _MOST_PARTS = 1 << 13, 64  # of the rows whose pairs are in memory together; the others are on the disk


class Band(Protocol):
    """A band of all sketches."""

    def all(self) -> Column:
        """Return its value of each row."""


def candidate_pairs(bands: Sequence[Band], rows: Places) -> Iterator[int]:
    """Yield each pair of rows once, as later << 32 | earlier, in order; both are places in `rows`."""
    sketches = _Sketches(bands, rows)
    size = max(_PART, -(-len(rows) // _MOST_PARTS))
    with contextlib.ExitStack() as stack:

        def column() -> Growing:
            return stack.enter_context(contextlib.closing(Growing(np.uint64)))

        firsts = np.arange(size, len(rows), size, dtype=np.uint64)
        met = [column() for _ in range(len(firsts) + 1)]
        for number in range(len(bands)):
            keys = sketches.keys(number)
            places = _repeated(keys)
            if len(places):
                for pairs in _meeting(sketches, places, keys[places].astype(np.uint64), number, 1):
                    pairs.sort()
                    for part, some in zip(met, np.split(pairs, np.searchsorted(pairs, firsts << np.uint64(32))), strict=True):
                        part.add(some)
        for number, part in enumerate(met):
            met[number] = column()
            met[number].add(np.unique(part.all()))
            part.close()
        for part, is_enough in zip(met, sketches.do_share_enough(met), strict=True):
            yield from part.all()[is_enough].tolist()


class _Sketches:
    """The bands of some rows, and a byte of each, by which most pairs are told not to share enough."""

    def __init__(self, bands: Sequence[Band], rows: Places) -> None:
        self._bands, self._rows = bands, rows
        self._bytes = np.empty((len(rows), len(bands)), np.uint8)
        for number in range(len(bands)):
            self._bytes[:, number] = self.keys(number) & np.uint32(0xFF)

    def keys(self, number: int) -> Column:
        """Return one band of the rows; number: of any size, after the last comes the first."""
        return self._bands[number % len(self._bands)].all()[self._rows]

    def may_share_enough(self, one: Places, other: Places) -> NDArray[np.bool_]:
        """Return of pairs of rows whether enough bytes of them are the same."""
        enough = np.empty(len(one), np.bool_)
        for start in range(0, len(one), _CHUNK):
            some = slice(start, start + _CHUNK)
            enough[some] = np.count_nonzero(self._bytes[one[some]] == self._bytes[other[some]], axis=1) >= _SHARED
        return enough

    def do_share_enough(self, parts: Sequence[Growing]) -> list[NDArray[np.bool_]]:
        """Return of all pairs of rows, in parts, whether they share enough bands."""
        shared: list[NDArray[np.uint8]] = [np.zeros(len(pairs.all()), np.uint8) for pairs in parts]
        for number in range(len(self._bands)):
            keys = self.keys(number)
            for column, counts in zip(parts, shared, strict=True):
                pairs = column.all()
                counts += keys[pairs >> np.uint64(32)] == keys[pairs & np.uint64(0xFFFFFFFF)]
        return [counts >= _SHARED for counts in shared]


def _repeated(keys: Column) -> Places:
    """Return the places of keys that are there more than once: a table lets few others through to the exact search."""
    ordered = np.sort(keys)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(again):
        return np.empty(0, np.int64)
    table = np.zeros(1 << _BITS, np.bool_)
    table[again >> np.uint32(32 - _BITS)] = True
    places = np.flatnonzero(table[keys >> np.uint32(32 - _BITS)])
    at = np.minimum(np.searchsorted(again, keys[places]), len(again) - 1)
    return places[again[at] == keys[places]]


def _meeting(sketches: _Sketches, rows: Places, keys: NDArray[np.uint64], band: int, depth: int) -> Iterator[Pairs]:
    order = np.argsort(keys)
    keys = keys[order]
    same = np.concatenate([[False], keys[1:] == keys[:-1], [False]])
    met = same[1:] | same[:-1]  # all others are alone with their key
    keys, rows = keys[met], rows[order[met]]
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, np.int64)
    sizes = np.diff(np.append(begins, len(keys)))
    size = np.repeat(sizes, sizes)
    short = (size > 1) & (size <= _MOST)
    yield from _neighbours(sketches, keys[short], rows[short], _MOST)
    long = size > _MOST
    if not long.any():
        return
    if depth < _DEPTH:
        following = sketches.keys(band + depth)[rows[long]].astype(np.uint64)
        yield from _meeting(sketches, rows[long], (keys[long] << np.uint64(20 * depth)) ^ following, band, depth + 1)
        return
    yield from _neighbours(sketches, keys[long], rows[long], _LAST + 1)
    firsts = np.repeat(np.minimum.reduceat(rows, begins), sizes)[long]
    others = rows[long] != firsts
    yield _packed(firsts[others], rows[long][others])


def _neighbours(sketches: _Sketches, keys: NDArray[np.uint64], rows: Places, most: int) -> Iterator[Pairs]:
    """Yield the pairs of rows of one key that are less than `most` places apart, and may share enough bands."""
    for apart in range(1, most):
        places = np.flatnonzero(keys[apart:] == keys[:-apart])
        if not len(places):
            break
        one, other = rows[places], rows[places + apart]
        enough = sketches.may_share_enough(one, other)
        yield _packed(one[enough], other[enough])


def _packed(one: Places, other: Places) -> Pairs:
    later, earlier = np.maximum(one, other).astype(np.uint64), np.minimum(one, other).astype(np.uint64)
    return (later << np.uint64(32)) | earlier

"""Which rows meet in three bands of their sketches: the pairs that are worth comparing, in bounded memory.

Rows of one form ("Translate into French: ...") may share a band by the tens of thousands; there only those are looked at that
share the next band too, or the one after it, and of them each with the nearest.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.uint32]
Pairs = NDArray[np.uint64]

_MOST = 16  # rows of one run that all meet each other
_LAST = 8  # rows before it that each row of a long run meets, and the first
_DEPTH = 3  # bands
_SHARED = 3  # bands
_CHUNK = 1 << 16


def candidate_pairs(columns: Sequence[Column], rows: NDArray[np.int64]) -> Pairs:
    """Return each pair of rows once, as later << 32 | earlier, in order. columns: a band of all rows each."""
    met = np.empty(0, np.uint64)
    if not len(rows):
        return met
    for band in range(len(columns)):
        keys = columns[band][rows].astype(np.uint64)
        met = np.union1d(met, np.concatenate([*_meeting(columns, rows, keys, band, 1), met[:0]]))
    return met


def _meeting(
    columns: Sequence[Column], rows: NDArray[np.int64], keys: NDArray[np.uint64], band: int, depth: int
) -> list[Pairs]:
    order = np.argsort(keys)
    keys = keys[order]
    same = np.concatenate([[False], keys[1:] == keys[:-1], [False]])
    met = same[1:] | same[:-1]  # all others are alone with their key
    keys, rows = keys[met], rows[order[met]]
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, np.int64)
    sizes = np.diff(np.append(begins, len(keys)))
    size = np.repeat(sizes, sizes)
    found: list[Pairs] = []
    short = (size > 1) & (size <= _MOST)
    found += _neighbours(columns, keys[short], rows[short], _MOST)
    long = size > _MOST
    if not long.any():
        return found
    if depth < _DEPTH:
        following = columns[(band + depth) % len(columns)][rows[long]].astype(np.uint64)
        return found + _meeting(columns, rows[long], (keys[long] << np.uint64(20 * depth)) ^ following, band, depth + 1)
    found += _neighbours(columns, keys[long], rows[long], _LAST + 1)
    firsts = np.repeat(np.minimum.reduceat(rows, begins), sizes)[long]
    others = rows[long] != firsts
    return [*found, _packed(firsts[others], rows[long][others])]


def _neighbours(columns: Sequence[Column], keys: NDArray[np.uint64], rows: NDArray[np.int64], most: int) -> list[Pairs]:
    """Return the pairs of rows of one key that are less than `most` places apart, and share enough bands."""
    found = []
    for apart in range(1, most):
        places = np.flatnonzero(keys[apart:] == keys[:-apart])
        if not len(places):
            break
        one, other = rows[places], rows[places + apart]
        enough = _share_enough(columns, one, other)
        found.append(_packed(one[enough], other[enough]))
    return found


def _share_enough(columns: Sequence[Column], one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    shared = np.zeros(len(one), np.uint8)
    for start in range(0, len(one), _CHUNK):
        some = slice(start, start + _CHUNK)
        for column in columns:
            shared[some] += column[one[some]] == column[other[some]]
    return shared >= _SHARED


def _packed(one: NDArray[np.int64], other: NDArray[np.int64]) -> Pairs:
    later, earlier = np.maximum(one, other).astype(np.uint64), np.minimum(one, other).astype(np.uint64)
    return (later << np.uint64(32)) | earlier

"""Which words of a batch are in a set of many: a table of bits first, an exact search for the few that it lets through."""

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.word_hashes import Hashes

_FEWEST_BITS, _MOST_BITS = 14, 20  # a small table stays in the processor's cache


class Lookup:
    """A set of hashes. With each goes a number: the place it was given at."""

    def __init__(self, hashes: Hashes, numbers: NDArray[np.int64] | None = None) -> None:
        order = np.argsort(hashes, kind="stable")
        self._sorted = hashes[order]
        self._numbers = order.astype(np.int64) if numbers is None else numbers[order]
        bits = min(max((16 * len(hashes)).bit_length(), _FEWEST_BITS), _MOST_BITS)
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, np.bool_)
        self._table[hashes >> self._shift] = True

    def found(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places of the hashes that are in the set, and the number of each."""
        places = np.flatnonzero(self._table[hashes >> self._shift])
        if not len(places) or not len(self._sorted):
            return places[:0], places[:0]
        at = np.minimum(np.searchsorted(self._sorted, hashes[places]), len(self._sorted) - 1)
        same = self._sorted[at] == hashes[places]
        return places[same], self._numbers[at[same]]

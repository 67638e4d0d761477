"""How long texts are: counted as they come, four bytes each."""

from array import array
from typing import NamedTuple

import numpy as np

EDGES = (0, 1, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000)
_LONGEST = 2**32 - 1


class Column(NamedTuple):
    """low: characters from which on it counts; the next column's is where it ends; rows: how many."""

    low: int
    rows: int


class Lengths:
    """Of one field, in characters."""

    def __init__(self) -> None:
        self._all = array("I")

    def add(self, characters: int) -> None:
        self._all.append(min(characters, _LONGEST))

    def __len__(self) -> int:
        return len(self._all)

    def quantile(self, share: float) -> int:
        return int(np.quantile(np.frombuffer(self._all, np.uint32), share, method="lower")) if self._all else 0

    @property
    def some(self) -> bool:
        """Return whether any text has a character."""
        return bool(self._all) and int(np.frombuffer(self._all, np.uint32).max()) > 0

    def columns(self) -> list[Column]:
        """Return the histogram, without empty columns at its ends."""
        if not self._all:
            return []
        counts = np.histogram(np.frombuffer(self._all, np.uint32), bins=[*EDGES, 2**33])[0]
        filled = np.flatnonzero(counts)
        return [Column(EDGES[place], int(counts[place])) for place in range(filled[0], filled[-1] + 1)]

"""Clusters of near duplicates over all distinct rows, whatever their order.

The sketches, what is compared and when two rows are near duplicates come from the check `near_dup` of `data validate`. Here
the clusters count, not who came first: rows are looked at in the order of their digests, and a chain of near duplicates is
one cluster.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from dspy_programs.data.checks.candidates import candidate_pairs
from dspy_programs.data.checks.near_dup import Shape, shape_of, similarity, words
from dspy_programs.data.scorer.ready import Ready, Rows
from dspy_programs.data.scorer.view import view_of
from dspy_programs.text import jaccard

_REMEMBERED = 4096  # rows
_ASKED = 0.65  # Jaccard index of two requests: one word in seven makes another request, one in eight does not


def clusters_of(ready: Ready) -> tuple[Rows, Rows]:
    """Return the rows of clusters but the first of each, in order, and a near duplicate of each."""
    live = ready.first[ready.numbers["characters"][ready.first] > 0]  # in the order of their digests
    columns = [band.all() for band in ready.tally.bands]

    @lru_cache(_REMEMBERED)
    def shape(row: int) -> Shape:
        return shape_of(view_of(ready.tally.kept.read(row).fields).as_pair())

    leader: dict[int, int] = {}  # of the rows that are in a cluster
    partner: dict[int, int] = {}

    def leading(row: int) -> int:
        while (of := leader.get(row, row)) != row:
            leader[row] = leader.get(of, of)
            row = of
        return row

    for pair in candidate_pairs(columns, live).tolist():
        later, earlier = pair >> 32, pair & 0xFFFFFFFF
        one, other = leading(later), leading(earlier)
        if one != other and _are_near(shape(later), shape(earlier), ready.config.near_threshold):
            leader[max(one, other)] = min(one, other)
            partner.setdefault(later, earlier)
            partner.setdefault(earlier, later)
    again = sorted(row for row in partner if leading(row) != row)
    return np.array(again, np.int64), np.array([partner[row] for row in again], np.int64)


def _are_near(one: Shape, other: Shape, threshold: float) -> bool:
    """Return whether two rows are near duplicates. A short request with another word is another request: "shoot", "greet"."""
    if one.asked != other.asked:
        first, second = words(one.asked), words(other.asked)
        if jaccard([*first, *pairwise(first)], [*second, *pairwise(second)]) < _ASKED:
            return False
    return similarity(one, other, threshold) > 0

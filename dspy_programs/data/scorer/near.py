"""Clusters of near duplicates over all distinct rows, whatever their order.

The sketches, what is compared and when two rows are near duplicates come from the check `near_dup` of `data validate`. Here
the clusters count, not who came first: rows are looked at in the order of their digests, and a chain of near duplicates is
one cluster.
"""

from array import array
from functools import lru_cache

import numpy as np

from dspy_programs.data.checks.candidates import candidate_pairs
from dspy_programs.data.checks.near_dup import Shape, shape_of, similarity
from dspy_programs.data.scorer.ready import Ready, Rows
from dspy_programs.data.scorer.view import view_of

_REMEMBERED = 1024  # rows
_NONE = -1


def clusters_of(ready: Ready) -> tuple[Rows, Rows]:
    """Return the rows of clusters but the first of each, in order, and a near duplicate of each."""
    live = ready.first[ready.numbers["characters"][ready.first] > 0]  # in the order of their digests

    @lru_cache(_REMEMBERED)
    def shape(row: int) -> Shape:
        return shape_of(view_of(ready.tally.kept.read(row).fields).as_pair())

    leader = array("i", range(ready.rows))
    partner = array("i", [_NONE]) * ready.rows

    def leading(row: int) -> int:
        while (of := leader[row]) != row:
            leader[row] = leader[of]
            row = of
        return row

    for pair in candidate_pairs(ready.tally.bands, live):
        later, earlier = int(live[pair >> 32]), int(live[pair & 0xFFFFFFFF])
        one, other = leading(later), leading(earlier)
        if one != other and similarity(shape(later), shape(earlier), ready.config.near_threshold):
            leader[max(one, other)] = min(one, other)
            for row, of in ((later, earlier), (earlier, later)):
                if partner[row] == _NONE:
                    partner[row] = of
    again = np.flatnonzero(np.array(leader) != np.arange(ready.rows))
    return again, np.array(partner, np.int64)[again]

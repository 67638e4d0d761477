"""Do judges agree? Any number of runs over one data set: each two, and all together, with intervals.

Input      for each pair that all runs judged, (passed, overall from 0 to 10) of each.
Output     a mapping for JSON. Of two runs it has the data flywheel's keys, and ours; of more, those of all together, and
           `pairs` has the two-run keys of each two.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dspy_programs.data.judging.statistics import (
    fleiss_interval,
    fleiss_of,
    kappa_in_words,
    kappa_interval,
    kappa_of,
    pearson_interval,
)
from dspy_programs.failures import wilson


class Two:
    """Sums over the pairs of two runs."""

    def __init__(self, a: str, b: str) -> None:
        self.tags = [a, b]
        self.table = np.zeros((2, 2))
        self.count = 0
        self.means, self.squares, self.product = [0.0, 0.0], [0.0, 0.0], 0.0

    def add(self, one: tuple[bool, float], other: tuple[bool, float]) -> None:
        """Update means and sums of squares around them as they come (Welford 1962): no loss where scores hardly differ."""
        self.count += 1
        self.table[int(one[0]), int(other[0])] += 1
        before = [one[1] - self.means[0], other[1] - self.means[1]]
        self.means = [mean + step / self.count for mean, step in zip(self.means, before, strict=True)]
        after = [one[1] - self.means[0], other[1] - self.means[1]]
        self.squares = [square + b * a for square, b, a in zip(self.squares, before, after, strict=True)]
        self.product += before[0] * after[1]

    def figures(self) -> dict[str, Any]:
        agreed = int(np.trace(self.table))
        kappa = float(kappa_of(self.table, alike=1.0 if self.count else 0.0))
        spread = math.sqrt(self.squares[0] * self.squares[1])
        r = max(-1.0, min(1.0, self.product / spread)) if self.count > 1 and spread > 1e-12 else 0.0
        return {
            "tags": self.tags,
            "n_common": self.count,
            "pass_agreement": agreed / self.count if self.count else 0.0,
            "cohens_kappa": kappa,
            "kappa_label": kappa_in_words(kappa),
            "score_pearson": r,
            "a_passed": int(self.table[1].sum()),
            "b_passed": int(self.table[:, 1].sum()),
            "a_mean": self.means[0],
            "b_mean": self.means[1],
            "intervals": {
                "pass_agreement": list(wilson(agreed, self.count)),
                "cohens_kappa": list(kappa_interval(self.table, alike=1.0)),
                "score_pearson": list(pearson_interval(r, self.count)),
            },
        }


def compared(dataset: str, tags: Sequence[str], rows: Iterable[Sequence[tuple[bool, float]]]) -> dict[str, Any]:
    twos = {places: Two(tags[places[0]], tags[places[1]]) for places in itertools.combinations(range(len(tags)), 2)}
    votes = np.zeros(len(tags) + 1)  # pairs by how many runs passed them
    for row in rows:
        votes[sum(passed for passed, _ in row)] += 1
        for (one, other), two in twos.items():
            two.add(row[one], row[other])
    if len(tags) == 2:
        return {"dataset": dataset, **twos[0, 1].figures()}
    raters = np.arange(len(tags) + 1)
    patterns = np.stack([raters, len(tags) - raters], axis=1).astype(float)
    common = int(votes.sum())
    kappa = float(fleiss_of(patterns, votes)) if common else 0.0
    return {
        "dataset": dataset,
        "tags": list(tags),
        "n_common": common,
        "unanimous": float(votes[0] + votes[-1]) / common if common else 0.0,
        "fleiss_kappa": kappa,
        "kappa_label": kappa_in_words(kappa),
        "intervals": {"fleiss_kappa": list(fleiss_interval(patterns, votes))},
        "pairs": [two.figures() for two in twos.values()],
    }

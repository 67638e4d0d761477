"""Retention: the share of the full prompt's quality that a smaller one keeps, with its interval.

Both prompts are scored on the same examples. Few examples prove little: 20 of 20 right answers are what a prompt gives that
fails on one input in seven, in one of 20 cases. So the interval imagines one more example of the worst kind, with a weight
drawn as every example's weight is drawn.

Input      whole, new: list[float] in [0, 1], the scores of both prompts on the same examples, in one order.
Output     Interval: the ratio of the means, and the limits that the true ratio passes with probability MISSED each.
Guarantees for scores of 0 and 1 and a full prompt without a fault, the lower limit is Clopper and Pearson's exact one.
Source     Gaffke 2005, "Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative variable";
           Learned-Miller and Thomas 2019, arXiv 1905.06208.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

MISSED = 0.05
_DRAWS = 20_000
_SEED = 20261129


class Interval(NamedTuple):
    """A ratio with its limits."""

    value: float
    low: float
    high: float


def retained(whole: Sequence[float], new: Sequence[float]) -> Interval:
    """Return the share of the full prompt's mean score that the new one keeps."""
    import numpy as np

    weights = np.random.default_rng(_SEED).dirichlet(np.ones(len(whole) + 1), _DRAWS)
    extra, own = weights[:, -1], weights[:, :-1]
    before, after = own @ np.array(whole), own @ np.array(new)
    low = float(np.quantile(after / (before + extra), MISSED))
    high = float(np.quantile((after + extra) / np.maximum(before + extra, 1e-12), 1 - MISSED))
    value = sum(new) / sum(whole) if sum(whole) else math.nan
    return Interval(value, min(low, value), max(high, value))


def provable(examples: int) -> float:
    """Return the largest share that so many examples can prove: if no answer changes."""
    return float(MISSED ** (1 / examples)) if examples else 0.0


def needed(share: float) -> int:
    """Return how many examples prove a share, if no answer changes."""
    return math.ceil(math.log(MISSED) / math.log(share) - 1e-9) if 0 < share < 1 else 1

"""Which candidate leads after the first rows, and how certain that is: paired scores, and the one-standard-error rule.

Every comparison is between scores on the same rows, in the same order.

Source     the one-standard-error rule (Breiman et al. 1984); racing on partial rows (Maron and Moore 1994).
"""

import math
from collections.abc import Sequence

import numpy as np

MIN_ROWS = 4  # rows before a comparison counts, if there are that many


def difference(scores: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """Return the mean of the paired differences and its standard error, over the rows that both have been scored on."""
    both = min(len(scores), len(others))
    if both == 0:
        return 0.0, 0.0
    paired = np.subtract(scores[:both], others[:both])
    error = float(paired.std(ddof=1) / np.sqrt(both)) if both > 1 else 0.0
    return float(paired.mean()), error


def is_behind(scores: Sequence[float], others: Sequence[float]) -> bool:
    """Return whether even one standard error more would not reach the others."""
    mean, error = difference(scores, others)
    return mean + error < 0


def support(scores: Sequence[float], others: Sequence[float], errors: float = 1.0) -> float:
    """Return how much better the scores are than the others, as far as their rows support it; 0 or less is no support.

    It is the mean gain minus one or more standard errors, with one extra row on which both were equal: so few rows count
    for less, and four equal gains are not taken for certainty.
    """
    both = min(len(scores), len(others))
    return -np.inf if both == 0 else supported([a - b for a, b in zip(scores[:both], others[:both], strict=True)], errors)


def supported(gains: Sequence[float], errors: float = 1.0) -> float:
    """Return the mean minus its standard errors, rounded: a single row gives no support, not even in the last digit."""
    number = len(gains) + 1
    mean = sum(gains) / number
    squares = sum((gain - mean) ** 2 for gain in gains) + mean**2
    return round(mean - errors * math.sqrt(squares / (number - 1) / number), 9)

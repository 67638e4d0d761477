"""The gate: is a challenger better than the champion? Looked at after every row, without looking costing anything.

Input      paired differences, challenger minus champion on the same row, each in [-1, 1], in the order they were scored.
Output     a Verdict: "promote" as soon as the lower bound of the mean difference is above 0, "refuse" as soon as the upper
           bound is below `margin` or the rows end, else "continue"; with the mean and both bounds.
Guarantees at most `level` of the challengers that are no better are promoted, however often and whenever one looks, for
           rows drawn alike and differences of any distribution; likewise at most `refusing` of those better by `margin` or
           more are refused by the bound. What comes after the decision changes nothing.
Raises     ValueError for a difference that is not a number in [-1, 1], or a level or margin that makes no sense.
Source     betting confidence sequences (Waudby-Smith and Ramdas 2023, JRSS B, doi 10.1093/jrsssb/qkad009), with capital spread
           over several bets (their diversified Kelly): in `python -m optimizers.gate` it needs fewer rows than their plug-in.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.05
MARGIN = 0.02  # a gain below two points is not worth a change
_BETS = 0.5 * (np.arange(10) + 0.5) / 10  # shares of the largest bet that cannot lose all; more would suit rarer rows
_HALVINGS = 30  # of the interval in which a bound is searched: to nine digits
_SLACK = 1e-6  # a weighted sum of scores may exceed 1 in its last digit

Decision = Literal["promote", "refuse", "continue"]
Floats = NDArray[np.float64]


class Verdict(NamedTuple):
    """rows: how many were needed; mean, low, high: of the difference; reason: a sentence's worth of why."""

    decision: Decision
    rows: int
    mean: float
    low: float
    high: float
    level: float
    reason: str


def verdict(
    differences: Sequence[float],
    *,
    level: float = LEVEL,
    margin: float = MARGIN,
    ended: bool = False,
    refusing: float | None = None,
) -> Verdict:
    """Decide on the rows so far. ended: there will be no more; refusing: the level of a refusal, by default the other one.

    A refusal by chance costs a gain and harms nobody, so its level need not fall with the number of challengers.
    """
    refusing = refusing or level
    if not (0 < level < 1 and 0 < refusing < 1 and 0 <= margin < 1):
        raise ValueError(f"level {level} must lie between 0 and 1, margin {margin} in [0, 1)")
    shares = shares_of(differences)
    decisions = first_decisions(shares[None, :], level, margin, refusing)
    row, promoted = int(decisions.row[0]), bool(decisions.promoted[0])
    used = shares[:row] if row else shares
    mean = float(2 * used.mean() - 1) if len(used) else 0.0
    low, high = 2 * _bound(used, level) - 1, 1 - 2 * _bound(1 - used, refusing)
    if row and promoted:
        return Verdict("promote", row, mean, low, high, level, f"better by at least {low:.3f}")
    if row:
        return Verdict("refuse", row, mean, low, high, level, f"better by at most {high:.3f}, less than {margin:g}")
    if ended:
        why = "no better on the rows there are" if mean <= 0 < len(used) else "the rows ended before a gain was certain"
        return Verdict("refuse", len(used), mean, low, high, level, why)
    return Verdict("continue", len(used), mean, low, high, level, "not certain yet")


def level_for(number: int, level: float = LEVEL) -> float:
    """Return the level of the `number`-th challenger on the same rows, from 1: all of them together spend `level`.

    Else the twentieth that is no better would be promoted by luck.
    """
    return level / (number * (number + 1))


class Decisions(NamedTuple):
    """For each stream: the number of rows at its decision, 0 for none, and whether that was to promote."""

    row: NDArray[np.int64]
    promoted: NDArray[np.bool_]


def first_decisions(shares: Floats, level: float = LEVEL, margin: float = MARGIN, refusing: float | None = None) -> Decisions:
    """Decide many streams of equal length at once. shares: (streams, rows), differences mapped to [0, 1]."""
    better = _first(log_capital(shares, 0.5) >= -math.log(level))
    worse = _first(log_capital(1 - shares, 0.5 - margin / 2) >= -math.log(refusing or level))
    promoted = (better > 0) & ((worse == 0) | (better <= worse))
    return Decisions(np.where(promoted, better, worse), promoted)


def shares_of(differences: ArrayLike) -> Floats:
    """Map differences in [-1, 1] to [0, 1]. Raises ValueError for any other."""
    values = np.asarray(differences, dtype=float)
    if not np.all(np.abs(values) <= 1 + _SLACK):  # also excludes NaN
        raise ValueError("a paired difference must be a number in [-1, 1]; scale the scores to [0, 1]")
    return (np.clip(values, -1, 1) + 1) / 2


def log_capital(shares: Floats, mean: float) -> Floats:
    """Return the logarithm of the capital after each row of who bets that the mean is above `mean`.

    If the mean is at most that, the capital is a supermartingale that begins with 1: by Ville's inequality it ever reaches
    1 / level with a probability of at most `level`.
    """
    total: Floats | None = None
    for bet in _BETS:
        one = np.cumsum(np.log1p(bet * (shares / mean - 1)), axis=-1)
        total = one if total is None else np.logaddexp(total, one)
    assert total is not None
    return total - math.log(len(_BETS))


def _first(reached: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number of the first row at which each stream reached it, from 1; 0 for never."""
    if reached.shape[-1] == 0:
        return np.zeros(len(reached), dtype=np.int64)
    return np.where(reached.any(axis=-1), reached.argmax(axis=-1) + 1, 0)


def _bound(shares: Floats, level: float) -> float:
    """Return the lower bound of the mean: below it the capital has reached 1 / level; it falls as the mean rises."""
    low, high, limit = 0.0, 1.0, -math.log(level)
    for _ in range(_HALVINGS if len(shares) else 0):
        middle = (low + high) / 2
        refuted = bool((log_capital(shares, middle) >= limit).any())
        low, high = (middle, high) if refuted else (low, middle)
    return low

"""Exact tests for "more than before": one-sided, and corrected for how many are made at once.

Output     a p-value in [0, 1]: how likely a rise at least this large is if nothing changed.
Guarantees right to eight digits for counts up to millions; with nothing to compare, the p-value is 1.
Source     McNemar 1947, exact (a binomial over the pairs that differ); Fisher 1935 (the hypergeometric tail); Holm 1979.
"""

import math
from collections.abc import Iterator, Mapping

_NEGLIGIBLE = 1e-14  # share of the sum below which further terms of a falling tail change nothing


def mcnemar(worse: int, better: int) -> float:
    """Return how likely at least `worse` of `worse + better` pairs that differ got worse, if either way is as likely."""
    pairs = worse + better
    if 2 * worse <= pairs and worse:
        return 1 - _binomial_tail(better + 1, pairs)  # P(at least w) = 1 - P(more than n - w), and that tail falls
    return _binomial_tail(worse, pairs) if worse else 1.0


def _binomial_tail(least: int, trials: int) -> float:
    """Return P(X >= least) for a fair coin; `least` is at or above the middle."""
    if least > trials:
        return 0.0
    first = _log_choose(trials, least) - trials * math.log(2)
    ratios = ((trials - k) / (k + 1) for k in range(least, trials))
    return min(1.0, math.exp(first) * _sum_of(ratios))


def fisher(count: int, total: int, before: int, before_total: int) -> float:
    """Return how likely at least `count` of `total` would be, if both batches shared one rate and the sum stays as it is."""
    marked, everything = count + before, total + before_total
    if not count or not total or not before_total:
        return 1.0
    if count * everything <= marked * total:  # at or below what is expected: one minus the other batch's falling tail
        return 1 - _hypergeometric_tail(before + 1, before_total, marked, everything)
    return _hypergeometric_tail(count, total, marked, everything)


def _hypergeometric_tail(least: int, drawn: int, marked: int, everything: int) -> float:
    """Return P(at least `least` of the `drawn` are marked); `least` is at or above the middle."""
    most = min(drawn, marked)
    if least > most:
        return 0.0
    plain = everything - marked
    first = _log_choose(marked, least) + _log_choose(plain, drawn - least) - _log_choose(everything, drawn)
    ratios = ((marked - k) * (drawn - k) / ((k + 1) * (plain - drawn + k + 1)) for k in range(least, most))
    return min(1.0, math.exp(first) * _sum_of(ratios))


def _sum_of(ratios: Iterator[float]) -> float:
    """Return 1 + r1 + r1 r2 + ...: a tail in units of its first term."""
    total = term = 1.0
    for ratio in ratios:
        term *= ratio
        total += term
        if ratio < 1 and term < _NEGLIGIBLE * total:
            break
    return total


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values to compare with one level for the whole family: smallest first, each times how many are left."""
    ranked = sorted(p_values, key=lambda name: p_values[name])
    adjusted: dict[str, float] = {}
    so_far = 0.0
    for name, left in zip(ranked, range(len(ranked), 0, -1), strict=True):
        so_far = max(so_far, min(1.0, left * p_values[name]))
        adjusted[name] = so_far
    return adjusted

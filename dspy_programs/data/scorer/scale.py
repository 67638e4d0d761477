"""From shares of bad rows to scores, a total and a band.

Score      of a check, in [0, 1]: how the odds of a good row compare with those at `half`, the share of bad rows that halves the
           score. 1.0 without a bad row, 0.0 if all are bad, and always less for one bad row more: there is no step at which
           a data set suddenly passes.
Total      the weighted geometric mean, times 100. Near 100 it loses what a weighted sum would lose. Far below, it does not
           let ten good checks pay for a broken one: a thousand copies of one row are no data set, however clean the row is.
Band       of the total: READY, CAUTION, NEEDS_WORK, NOT_READY. A set of few rows is never in the highest: of n rows without
           a bad one, up to 3/n of further rows may still be bad (the rule of three, at 95 %).
"""

import math
from collections.abc import Iterable, Mapping

WORST = 0.01  # what a score counts for at least: a mean with a zero would be zero
LOWEST_BAND = "NOT_READY"


def score_of(share: float, half: float) -> float:
    """Return the score of a share of bad rows in [0, 1]; `half`, in (0, 0.5], is the share whose score is 0.5."""
    return (1 - share) / (1 + share * (1 - 2 * half) / half)


def total_of(scored: Iterable[tuple[float, float]]) -> float:
    """Return the total, 0 to 100, of (score, weight) pairs; the weights need not add up to 1."""
    pairs = [(max(score, WORST), weight) for score, weight in scored if weight > 0]
    whole = sum(weight for _, weight in pairs)
    return 100 * math.exp(sum(weight * math.log(score) for score, weight in pairs) / whole) if whole else 100.0


def points_lost(scored: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Return how many of the points that the total lacks are lost to each check; they add up."""
    logs = {name: -weight * math.log(max(score, WORST)) for name, (score, weight) in scored.items()}
    whole, lost = sum(logs.values()), 100 - total_of(scored.values())
    return {name: lost * log / whole if whole else 0.0 for name, log in logs.items()}


def band_of(total: float, bands: Mapping[str, float], few_rows: bool = False) -> str:
    """Return the highest band that a total reaches. bands: name -> the lowest total, 0 to 100. few_rows: not the top."""
    open_to = sorted((least, name) for name, least in bands.items())
    reached = [name for least, name in (open_to[:-1] if few_rows else open_to) if total >= least]
    return reached[-1] if reached else LOWEST_BAND

"""95 % intervals for a proportion, and for the difference between two proportions.

Output     Interval: low and high, in [0, 1] for a share, in [-1, 1] for a difference.
Guarantees valid also if nothing or everything was counted; with no trials, the interval is the whole range.
Source     Wilson 1927; Newcombe 1998, method 10 (two Wilson intervals, squared and added).
"""

import math
from typing import NamedTuple

Z = 1.959963984540054  # of a two-sided 95 % interval


class Interval(NamedTuple):
    low: float
    high: float


def wilson(count: int, total: int) -> Interval:
    """Return the interval of count / total."""
    if total == 0:
        return Interval(0.0, 1.0)
    share, z2 = count / total, Z * Z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return Interval(0.0 if count == 0 else middle - half, 1.0 if count == total else middle + half)


def newcombe(count: int, total: int, before_count: int, before_total: int) -> Interval:
    """Return the interval of count / total - before_count / before_total."""
    if not total or not before_total:
        return Interval(-1.0, 1.0)
    now, before = count / total, before_count / before_total
    of_now, of_before = wilson(count, total), wilson(before_count, before_total)
    down = math.hypot(now - of_now.low, of_before.high - before)
    up = math.hypot(of_now.high - now, before - of_before.low)
    return Interval(now - before - down, now - before + up)

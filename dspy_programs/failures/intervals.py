"""The 95 % interval for a proportion.

Output     Interval: low and high, in [0, 1].
Guarantees valid also if nothing or everything was counted; with no trials, the interval is the whole range.
Source     Wilson 1927.
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

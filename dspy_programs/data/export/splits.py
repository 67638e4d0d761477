"""Parts of an export: names with shares, and which part each row is in.

Guarantees each part has the whole number of rows below its share, the last one the rest, as far as the groups allow: rows of
           one group are never in two parts. The same seed and groups give the same parts, in whatever order rows come.
Raises     UsageError for shares that are none or do not sum to 1, and for a part that would be empty.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.folder import checked_name
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity

_TOLERANCE = 0.01
_MOST_PARTS = 100

Groups = NDArray[np.uint64]


def shares_of(text: str) -> dict[str, float]:
    """Read "train=.8,test=.2"."""
    shares: dict[str, float] = {}
    for each in text.split(","):
        name, equals, share = (part.strip() for part in each.partition("="))
        if not equals:
            raise UsageError(f"--split {each.strip()!r}: write name=share, such as train=0.8,test=0.2")
        try:
            value = float(share)
        except ValueError:
            raise UsageError(f"--split {name}={share[:20]}: the share is not a number; write 0.8, not 80%") from None
        if not 0 < value <= 1:
            raise UsageError(f"--split {name}={share[:20]}: the share is not between 0 and 1")
        if checked_name(name, "part") in shares:
            raise UsageError(f"--split: two parts are named {name!r}")
        shares[name] = value
    total = sum(shares.values())
    if abs(total - 1) > _TOLERANCE + 1e-9:
        raise UsageError(f"--split: the shares sum to {total:g}, not 1")
    if len(shares) > _MOST_PARTS:
        raise UsageError(f"--split: more than {_MOST_PARTS} parts")
    return shares


def sizes_of(count: int, shares: Sequence[float]) -> list[int]:
    """Return how many rows each part is to have."""
    sizes = [int(count * share + 1e-9) for share in shares[:-1]]
    return [*sizes, max(0, count - sum(sizes))]


def parts_of(groups: Groups, shares: Mapping[str, float], seed: int) -> NDArray[np.int8]:
    """Return the part of each row, by number. groups: of each row."""
    left = sizes_of(len(groups), list(shares.values()))
    known, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    drawn = _mixed(known ^ _mixed(np.array([seed % (1 << 64)], np.uint64)))
    order = np.lexsort((drawn, -sizes))  # large groups first, so that the small ones fill what is left
    part_of = np.empty(len(known), np.int8)
    several = int(np.count_nonzero(sizes > 1))
    for place in order[:several]:
        part = max(range(len(left)), key=left.__getitem__)
        part_of[place] = part
        left[part] -= int(sizes[place])
    start = several
    for part, room in enumerate(left):
        end = len(order) if part == len(left) - 1 else min(len(order), start + max(0, room))
        part_of[order[start:end]] = part
        start = end
    found = part_of[inverse]
    _require_rows(found, shares, len(known))
    return found


def _require_rows(parts: NDArray[np.int8], shares: Mapping[str, float], groups: int) -> None:
    counts = np.bincount(parts, minlength=len(shares)) if len(parts) else np.zeros(len(shares), int)
    if empty := [name for name, count in zip(shares, counts, strict=True) if not count]:
        what = f"{quantity(len(parts), 'row')} in {quantity(groups, 'group')} of alike ones"
        raise UsageError(f"--split: {empty[0]!r} would be empty: {what}; give it a larger share, or more pairs")


def _mixed(values: Groups) -> Groups:
    """Return a well-spread number for each (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        result: Groups = mixed ^ (mixed >> np.uint64(31))
    return result

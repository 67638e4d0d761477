"""How often the gate errs, on simulated streams whose truth is known; beside it, two rules that people use instead.

Output     for each case: shares of the streams that were promoted and refused by the bound, the median of the rows until a
           promotion, and the share promoted by each of the other rules. Deterministic in the seed.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from optimizers.promotion.gate import LEVEL, Floats, first_decisions, level_for, shares_of

ROWS = 300
STREAMS = 1000
CHALLENGERS = 20
_SPREAD = 0.3  # of a graded difference: planner 0.25 and actor 0.32 on their test rows
_PROPOSAL_ROWS = 30
_PEEKED = 10  # rows before who peeks looks first
_ERRORS = 1.645  # standard errors of a one-sided test at 5 %

Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
Differences = Mapping[str, Draw]


class Case(NamedTuple):
    """name; held_back: draws its differences; wants: the share that must be promoted, at most or at least; None: no demand.

    proposals: the differences on the rows that the challenger was proposed from, where they are others
    """

    name: str
    held_back: Draw
    at_most: float | None = None
    at_least: float | None = None
    proposals: Draw | None = None


class Outcome(NamedTuple):
    """Shares of the streams; rows: the median until a promotion, None without one; holds: whether the demand is met."""

    name: str
    promoted: float
    refused: float
    rows: int | None
    by_peeking: float
    by_proposals: float
    wants: str
    holds: bool


def graded(gain: float) -> Draw:
    """Differences of graded scores."""
    return lambda random, shape: np.clip(random.normal(gain, _SPREAD, shape), -1, 1)


def passed(mends: float, breaks: float) -> Draw:
    """Differences of scores 0 or 1: the challenger mends and breaks shares of the rows."""

    def draw(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
        place = random.random(shape)
        return (place < mends).astype(float) - (place > 1 - breaks)

    return draw


CASES = (
    Case("no difference, graded", graded(0), at_most=LEVEL),
    Case("no difference, 10 % mended, 10 % broken", passed(0.1, 0.1), at_most=LEVEL),
    Case("no difference, 2 % mended, 2 % broken", passed(0.02, 0.02), at_most=LEVEL),
    Case("+10 points, graded", graded(0.1), at_least=0.8),
    Case("+10 points, 15 % mended, 5 % broken", passed(0.15, 0.05), at_least=0.8),
    Case("+10 points, 20 % mended, 10 % broken", passed(0.2, 0.1)),
    Case("+10 points, 30 % mended, 20 % broken", passed(0.3, 0.2)),
    Case("+5 points, graded", graded(0.05)),
    Case("poisoned, graded", graded(-0.1), at_most=0.0, proposals=graded(0.2)),
    Case("poisoned, 5 % mended, 15 % broken", passed(0.05, 0.15), at_most=0.0, proposals=passed(0.25, 0.05)),
)


def simulated(streams: int = STREAMS, rows: int = ROWS, seed: int = 0, level: float = LEVEL) -> Iterator[Outcome]:
    """Run every case, then many challengers without a difference on the same rows."""
    random = np.random.default_rng(seed)
    for case in CASES:
        held_back = case.held_back(random, (streams, rows))
        proposals = (case.proposals or case.held_back)(random, (streams, _PROPOSAL_ROWS))
        yield _outcome(case, held_back, proposals, level)
    yield _many(random, streams // CHALLENGERS or 1, rows, level)


def _outcome(case: Case, differences: Floats, proposals: Floats, level: float) -> Outcome:
    found = first_decisions(shares_of(differences), level)
    promoted = float(found.promoted.mean())
    rows = int(np.median(found.row[found.promoted])) if found.promoted.any() else None
    refused = float(((found.row > 0) & ~found.promoted).mean())
    peeking, better = float(peeked(differences).mean()), float((proposals.mean(axis=1) > 0).mean())
    wants, holds = _demand(case, promoted)
    return Outcome(case.name, promoted, refused, rows, peeking, better, wants, holds)


def _demand(case: Case, promoted: float) -> tuple[str, bool]:
    if case.at_most is not None:
        return f"at most {case.at_most:.0%}", promoted <= case.at_most
    if case.at_least is not None:
        return f"at least {case.at_least:.0%}", promoted >= case.at_least
    return "", True


def peeked(differences: Floats) -> np.ndarray:
    """Return which streams a test made for a fixed number of rows would promote if one looked after each row."""
    number = np.arange(1, differences.shape[1] + 1)
    mean = np.cumsum(differences, axis=1) / number
    spread = np.sqrt(np.maximum(np.cumsum(differences**2, axis=1) / number - mean**2, 1e-12) / number)
    return np.asarray((mean > _ERRORS * spread)[:, _PEEKED:].any(axis=1))


def _many(random: np.random.Generator, streams: int, rows: int, level: float) -> Outcome:
    """Let many challengers that are no better meet the champion on the same rows: is any promoted?"""
    promoted, naive = np.zeros(streams, bool), np.zeros(streams, bool)
    row_effect = graded(0)(random, (streams, rows)) / 2  # what they share: the same rows
    for number in range(1, CHALLENGERS + 1):
        differences = np.clip(row_effect + graded(0)(random, (streams, rows)), -1, 1)
        promoted |= first_decisions(shares_of(differences), level_for(number, level)).promoted
        naive |= peeked(differences)
    share = float(promoted.mean())
    name = f"{CHALLENGERS} without a difference on the same rows: any"
    return Outcome(name, share, 0.0, None, float(naive.mean()), 1.0, f"at most {level:.0%}", share <= level)

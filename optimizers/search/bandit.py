"""Which kind of change to try next: the one with the best gain so far for the rows it cost.

Source     Thompson sampling (Thompson 1933) of a Beta-Bernoulli arm, divided by the arm's mean cost.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

_FREE = 1.0  # minimum rows that a try costs
_USUAL = 6.0  # rows that a try is assumed to cost before the first one


@dataclass
class Arm:
    """One kind of change. wins, losses: its prior at first, then also its counts.

    price: rows that a try counts as besides those it runs, such as for a call of the reflection model; it limits how often
    an arm is tried, and says nothing about its worth.
    """

    name: str
    wins: float
    losses: float
    price: float = 0.0
    tried: int = 0
    accepted: int = 0
    rows: int = 0
    closed: str = ""  # why it is no longer tried

    def paid(self, won: bool, rows: int) -> None:
        self.tried += 1
        self.accepted += won
        self.rows += rows

    def worth(self, draw: random.Random) -> float:
        """Draw how many better candidates a row spent on this arm would yield."""
        chance = draw.betavariate(self.wins + self.accepted, self.losses + self.tried - self.accepted)
        return chance / (_FREE + (_USUAL + self.rows) / (1 + self.tried))


def next_arm(arms: Sequence[Arm], draw: random.Random) -> Arm | None:
    """Return the arm to try among the open ones; None if there are none."""
    open_arms = [arm for arm in arms if not arm.closed]
    return max(open_arms, key=lambda arm: arm.worth(draw), default=None)

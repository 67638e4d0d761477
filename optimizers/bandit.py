"""Which kind of change to try next: what has paid so far for the rows it cost.

Source     Thompson sampling (Thompson 1933) of a Beta-Bernoulli arm, divided by the arm's mean cost.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

FREE = 1.0  # rows that a try costs at least
USUAL = 6.0  # rows that a try is believed to cost before there was one


@dataclass
class Arm:
    """One kind of change. wins, losses: what is believed of it before it was tried; then it counts.

    price: rows that a try stands for beside those it runs, as a call of the reflection model does; it bounds how often an
    arm is tried, and says nothing of its worth.
    """

    name: str
    wins: float
    losses: float
    price: float = 0.0
    tried: int = 0
    accepted: int = 0
    rows: int = 0
    closed: str = ""  # why it is not tried any more

    def paid(self, won: bool, rows: int) -> None:
        self.tried += 1
        self.accepted += won
        self.rows += rows

    def worth(self, draw: random.Random) -> float:
        """Draw how many better candidates a row spent on this arm would give."""
        chance = draw.betavariate(self.wins + self.accepted, self.losses + self.tried - self.accepted)
        return chance / (FREE + (USUAL + self.rows) / (1 + self.tried))


def next_arm(arms: Sequence[Arm], draw: random.Random) -> Arm | None:
    """Return the arm to try, of those that are open; None if none is."""
    open_arms = [arm for arm in arms if not arm.closed]
    return max(open_arms, key=lambda arm: arm.worth(draw), default=None)

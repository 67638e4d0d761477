"""How many files that are followed are open at once."""

from collections import OrderedDict
from typing import Protocol

_MOST = 256


class Restable(Protocol):
    def rest(self) -> None:
        """Close the file until it grows."""


class OpenFiles:
    """Closes the file that has been quiet longest when too many are open."""

    def __init__(self, most: int = _MOST) -> None:
        self.most = most
        self._held: OrderedDict[Restable, None] = OrderedDict()

    def use(self, followed: Restable) -> None:
        self._held[followed] = None
        self._held.move_to_end(followed)
        while len(self._held) > self.most:
            self._held.popitem(last=False)[0].rest()

    def drop(self, followed: Restable) -> None:
        self._held.pop(followed, None)

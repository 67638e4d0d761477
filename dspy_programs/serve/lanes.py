"""Places for work of one kind, which the keys get in turn: who asks for much waits for itself, and nobody else for it.

Guarantees a place that is free goes to the key that holds fewest, whoever asked first, and among those to the one that got
           none for longest; where too many wait, the key with the most gives up its last one for a key with fewer, so no
           number of requests of some keys shuts another out.
"""

import asyncio
import itertools
import time
from collections import Counter, deque

from dspy_programs.serve.problems import Busy

_Line = deque["asyncio.Future[None]"]


class Lane:
    """One per kind of work, in one event loop."""

    def __init__(self, places: int, most: int) -> None:
        """places: calls at once; most: that wait, of all keys."""
        self.places, self.most = places, most
        self._held: Counter[str] = Counter()  # places, by key
        self._grants = itertools.count(1)
        self._last: dict[str, int] = {}  # grant of each key
        self._lines: dict[str, _Line] = {}

    @property
    def waiting(self) -> int:
        return sum(map(len, self._lines.values()))

    async def take(self, key: str, ends: float) -> None:
        """Wait for a place until `ends`, on the monotonic clock. Raises Busy where too many wait, TimeoutError."""
        if self._held.total() < self.places:
            return self._grant(key)
        if self.waiting >= self.most:
            self._make_room(key)
        place = asyncio.get_running_loop().create_future()
        self._lines.setdefault(key, deque()).append(place)
        try:
            async with asyncio.timeout(ends - time.monotonic()):
                await place
        except BaseException:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.give_back(key)  # it came too late
            self._forget(key, place)
            raise

    def give_back(self, key: str) -> None:
        """Give the place of a key to whoever is next."""
        self._held -= Counter([key])
        while self._lines:
            following = min(self._lines, key=lambda one: (self._held[one], self._last.get(one, 0)))
            place = self._lines[following][0]
            self._forget(following, place)
            if not place.done():
                self._grant(following)
                return place.set_result(None)

    def _grant(self, key: str) -> None:
        self._held[key] += 1
        self._last[key] = next(self._grants)

    def _make_room(self, key: str) -> None:
        own = len(self._lines.get(key, ()))
        most, longest = max(self._lines.items(), key=lambda item: len(item[1]), default=(key, deque()))
        refusal = Busy(f"{self.places} requests are running and {self.waiting} are waiting; try again in a second")
        if len(longest) <= own + 1:
            raise refusal
        last = longest[-1]
        self._forget(most, last)
        if not last.done():
            last.set_exception(refusal)

    def _forget(self, key: str, place: "asyncio.Future[None]") -> None:
        line = self._lines.get(key)
        if line and place in line:
            line.remove(place)
            if not line:
                del self._lines[key]

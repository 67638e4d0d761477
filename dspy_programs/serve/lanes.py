"""Places for work of one kind, which the keys get in turn: who asks for much waits for itself, and nobody else for it.

Guarantees a place that is free goes to the next key that waits, whoever asked first; where too many wait, the key with the most
           gives up its last one for a key with fewer, so no number of requests of some keys shuts another out.
"""

import asyncio
import time
from collections import OrderedDict, deque

from dspy_programs.serve.problems import Busy

_Line = deque["asyncio.Future[None]"]


class Lane:
    """One per kind of work, in one event loop."""

    def __init__(self, places: int, most: int) -> None:
        """places: calls at once; most: that wait, of all keys."""
        self.places, self.most = places, most
        self._free = places
        self._lines: OrderedDict[str, _Line] = OrderedDict()  # of the keys that wait; whose turn is next comes first

    @property
    def waiting(self) -> int:
        return sum(map(len, self._lines.values()))

    async def take(self, key: str, ends: float) -> None:
        """Wait for a place until `ends`, on the monotonic clock. Raises Busy where too many wait, TimeoutError."""
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self.most:
            self._make_room(key)
        place = asyncio.get_running_loop().create_future()
        self._lines.setdefault(key, deque()).append(place)
        try:
            async with asyncio.timeout(ends - time.monotonic()):
                await place
        except BaseException:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.give_back()  # it came too late
            self._forget(key, place)
            raise

    def give_back(self) -> None:
        """Give a place to whoever is next."""
        while self._lines:
            key, line = next(iter(self._lines.items()))
            place = line[0]
            self._forget(key, place)
            if key in self._lines:
                self._lines.move_to_end(key)
            if not place.done():
                return place.set_result(None)
        self._free += 1

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

"""The money of a day: no request begins that could go past the limit.

Guarantees what an answer may cost is booked before it is asked for, and corrected afterwards; what began before midnight counts
           for the day on which it was booked. Days are those of UTC; the count is in memory, so a restart begins anew.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

_DAY = 86_400


class Booked(NamedTuple):
    usd: float
    day: int


class Money:
    """limit: USD a day; None for no limit."""

    def __init__(self, limit: float | None, clock: Callable[[], float] = time.time) -> None:
        self.limit, self.clock = limit, clock
        self._lock = threading.Lock()
        self._day, self._spent = 0, 0.0

    @property
    def spent(self) -> float:
        """Return the USD of today."""
        with self._lock:
            return self._today()

    def book(self, usd: float) -> Booked | None:
        """Book what a request may cost; return None if that much is not left."""
        with self._lock:
            if self.limit is not None and self._today() + usd > self.limit:
                return None
            self._spent = self._today() + usd
            return Booked(usd, self._day)

    def correct(self, booked: Booked, usd: float) -> None:
        """Put what it did cost in place of what was booked."""
        with self._lock:
            today = self._today()
            if booked.day == self._day:
                self._spent = max(0.0, today + usd - booked.usd)

    def _today(self) -> float:
        if (day := int(self.clock() // _DAY)) != self._day:
            self._day, self._spent = day, 0.0
        return self._spent

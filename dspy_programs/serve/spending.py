"""What clients may have the model do: calls and tokens of one request, and of one key in one day.

Input      Limits: calls_per_request, tokens_per_request, calls_per_day, tokens_per_day, each None for no limit.
Output     a Meter for each request, which each call to the model asks first and tells afterwards.
Guarantees a request that may need more calls than are left is refused before its first; a call that would go past a limit is
           not made. The size of a prompt is estimated, that of its answer is known when it is there: so a limit on tokens is
           exceeded by one answer of each call under way at most. Every request to the model counts, also one that failed or
           that was answered from the cache. Days are those of UTC; counts are in memory, so a restart begins anew.
Raises     TooLarge where one request asks for too much, Spent where the key's day is used up.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from dspy import lm15
from dspy._vendor.lm15.serde import request_to_dict

from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import Spent, TooLarge

_DAY = 86_400
_CHARACTERS = 4  # of one token, about


@dataclass
class _Used:
    calls: int = 0
    tokens: int = 0


class Spending:
    """What each key has used today. One per server."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.limits, self.clock = limits, clock
        self.lock = threading.RLock()
        self._day = 0
        self._of_keys: defaultdict[str, _Used] = defaultdict(_Used)

    def of(self, key: str) -> _Used:
        """Return what a key has used today."""
        if (day := int(self.clock() // _DAY)) != self._day:
            self._day = day
            self._of_keys.clear()
        return self._of_keys[key]

    def begin(self, key: str, calls: int) -> "Meter":
        """Return the meter of a request that may make so many calls. Raises TooLarge or Spent if those are too many."""
        most = min(
            (most for most in (self.limits.calls_per_request, self.limits.calls_per_day) if most is not None), default=calls
        )
        if calls > most:
            raise TooLarge(f"this may take {calls} calls to the model, and {most} are allowed; ask for less at a time")
        if calls:
            self.check(key, calls, 1)
        return Meter(self, key)

    def check(self, key: str, calls: int, tokens: int) -> None:
        """Raise Spent if the key may not use so much more today."""
        with self.lock:
            used = self.of(key)
            for name, now, most in (
                ("calls to the model", used.calls + calls, self.limits.calls_per_day),
                ("tokens", used.tokens + tokens, self.limits.tokens_per_day),
            ):
                if most is not None and now > most:
                    left = _DAY - int(self.clock() % _DAY)
                    raise Spent(f"this key may use {most} {name} a day, and the rest of today's does not suffice", left)

    def add(self, key: str, calls: int, tokens: int) -> None:
        with self.lock:
            used = self.of(key)
            used.calls, used.tokens = used.calls + calls, used.tokens + tokens


class Meter:
    """What one request uses. Threads may share it."""

    def __init__(self, spending: Spending, key: str) -> None:
        self.spending, self.key = spending, key
        self.used = _Used()

    def ask(self, request: lm15.Request) -> int:
        """Book a call before it is made; return the tokens that were booked. Raises TooLarge or Spent."""
        limits, tokens = self.spending.limits, _tokens_of(request)
        with self.spending.lock:
            for name, now, most in (
                ("calls to the model", self.used.calls + 1, limits.calls_per_request),
                ("tokens", self.used.tokens + tokens, limits.tokens_per_request),
            ):
                if most is not None and now > most:
                    raise TooLarge(f"one request may use {most} {name}, and this one needs more; ask for less at a time")
            self.spending.check(self.key, 1, tokens)
            self._add(1, tokens)
        return tokens

    def tell(self, booked: int, response: lm15.Response) -> None:
        """Book what a call has used, instead of what was booked before."""
        usage = response.usage
        used = (usage.input_tokens or 0) + (usage.output_tokens or 0) if usage else 0
        with self.spending.lock:
            self._add(0, (used or booked) - booked)

    def _add(self, calls: int, tokens: int) -> None:
        self.used.calls, self.used.tokens = self.used.calls + calls, self.used.tokens + tokens
        self.spending.add(self.key, calls, tokens)


def _tokens_of(request: lm15.Request) -> int:
    return len(json.dumps(request_to_dict(request), ensure_ascii=False)) // _CHARACTERS

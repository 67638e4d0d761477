"""A circuit breaker: a model that keeps failing is left alone for a while, then tried with one request.

closed     requests pass; so many failures in a row open it
open       none pass, for `seconds`; twice as long after each trial that fails, at most `_LONGEST`
half open  one request passes: its success closes the circuit, its failure opens it again
"""

from typing import Literal

_LONGEST = 600.0  # seconds


class Circuit:
    """The circuit of one model. The caller reads the clock and holds a lock."""

    def __init__(self, failures: int, seconds: float) -> None:
        self.most, self.seconds = failures, seconds
        self.failures, self.until, self._wait = 0, 0.0, seconds
        self._trial_ends = 0.0

    def state(self, now: float) -> Literal["closed", "open", "half open"]:
        if not self.until:
            return "closed"
        return "open" if now < self.until else "half open"

    def admit(self, now: float) -> bool:
        """Return whether a request may pass now. One that does must be told with `worked` or `failed`."""
        if not self.until:
            return True
        if now < self.until or now < self._trial_ends:
            return False
        self._trial_ends = now + self.seconds  # a trial that is never told ends by itself
        return True

    def worked(self) -> None:
        self.failures, self.until, self._wait, self._trial_ends = 0, 0.0, self.seconds, 0.0

    def failed(self, now: float, wait: float | None = None) -> None:
        """wait: seconds for which the model itself asks, as a rate limit does; it opens the circuit at once."""
        self.failures += 1
        if wait is not None and wait > 1:
            self.until = now + min(wait, _LONGEST)
        elif self.until:  # a trial
            self._wait = min(2 * self._wait, _LONGEST)
            self.until = now + self._wait
        elif self.failures >= self.most:
            self.until = now + self._wait
        self._trial_ends = 0.0

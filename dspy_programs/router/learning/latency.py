"""How long a model takes: a window of its latest answers, and an estimate that begins at the catalogue's figure.

Guarantees what is older than the window does not count, so a model that was slow once gets another chance.
"""

from collections import deque

_PRIOR = 5  # answers that the catalogue's figure is worth


class Latencies:
    """The latest answers of one model. Times are seconds on a clock that the caller reads, latencies milliseconds."""

    def __init__(self, prior_ms: float, window: int, window_seconds: float) -> None:
        self.prior, self.seconds = prior_ms, window_seconds
        self._kept: deque[tuple[float, float]] = deque(maxlen=window)
        self._sum = 0.0

    def add(self, ms: float, now: float) -> None:
        if len(self._kept) == self._kept.maxlen:
            self._sum -= self._kept[0][1]
        self._kept.append((now, ms))
        self._sum += ms

    def expected(self, now: float) -> float:
        """Return the latency to expect: the mean of the window, and of the catalogue's figure while there are few answers."""
        self._forget(now)
        return (self.prior * _PRIOR + self._sum) / (_PRIOR + len(self._kept))

    def quantiles(self, now: float, *shares: float) -> list[float]:
        """Return exact quantiles of the window, [] if it is empty."""
        self._forget(now)
        ordered = sorted(ms for _, ms in self._kept)
        return [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in shares] if ordered else []

    def __len__(self) -> int:
        return len(self._kept)

    def _forget(self, now: float) -> None:
        while self._kept and self._kept[0][0] < now - self.seconds:
            self._sum -= self._kept.popleft()[1]

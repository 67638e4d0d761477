"""What happened to the requests that were sent, and what that means for the next decision.

Guarantees threads may share it. A slow or failing model is chosen less, one that keeps failing is left alone, one that is at
           its limit of requests a minute is passed over; what is older than the window is forgotten, also for a model that
           nobody asks any more.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from dspy_programs.router.catalogue import Catalogue, Model
from dspy_programs.router.deciding import Decider
from dspy_programs.router.learning.circuit import Circuit
from dspy_programs.router.learning.latency import Latencies

_PRIOR = 10  # successes that a model begins with
_MINUTE = 60.0
_REFRESH = 5.0  # seconds between looks for what is too old


class _Watched:
    """One model: what happened lately."""

    def __init__(self, model: Model, catalogue: Catalogue) -> None:
        learning, fallback = catalogue.learning, catalogue.fallback
        self.latencies = Latencies(model.latency_ms, learning.window, learning.window_seconds)
        self.circuit = Circuit(fallback.failures, fallback.open_seconds)
        self.sent: deque[float] = deque(maxlen=model.requests_per_minute)
        self.outcomes: deque[tuple[float, bool]] = deque(maxlen=learning.window)
        self.seconds = learning.window_seconds

    def success(self, now: float) -> float:
        while self.outcomes and self.outcomes[0][0] < now - self.seconds:
            self.outcomes.popleft()
        return (_PRIOR + sum(worked for _, worked in self.outcomes)) / (_PRIOR + len(self.outcomes))


class Observed:
    """Writes what it learns into the decider's columns."""

    def __init__(self, catalogue: Catalogue, decider: Decider, clock: Callable[[], float]) -> None:
        self.models, self.decider, self.clock = catalogue.models, decider, clock
        self.learns = catalogue.learning.latencies
        self._watched = [_Watched(model, catalogue) for model in catalogue.models]
        self._lock = threading.Lock()
        self._refreshed = clock()

    def admit(self, place: int) -> bool:
        """Return whether a request may be sent to a model now, and count it."""
        watched, now = self._watched[place], self.clock()
        with self._lock:
            limit = self.models[place].requests_per_minute
            if limit and len(watched.sent) == limit and watched.sent[0] > now - _MINUTE:
                self.decider.block(place, watched.sent[0] + _MINUTE)
                return False
            if not watched.circuit.admit(now):
                return False
            if limit:
                watched.sent.append(now)
                if len(watched.sent) == limit and watched.sent[0] > now - _MINUTE:
                    self.decider.block(place, watched.sent[0] + _MINUTE)
            return True

    def worked(self, place: int, ms: float) -> None:
        watched, now = self._watched[place], self.clock()
        with self._lock:
            if watched.circuit.until:
                self.decider.block(place, 0.0)
            watched.circuit.worked()
            watched.latencies.add(ms, now)
            watched.outcomes.append((now, True))
            self._tell(place, now)

    def failed(self, place: int, wait: float | None = None) -> None:
        """wait: seconds for which the model asks."""
        watched, now = self._watched[place], self.clock()
        with self._lock:
            watched.circuit.failed(now, wait)
            watched.outcomes.append((now, False))
            if watched.circuit.until > now:
                self.decider.block(place, watched.circuit.until)
            self._tell(place, now)

    def refresh(self) -> None:
        """Forget what is too old; cheap if that was done a moment ago."""
        if (now := self.clock()) - self._refreshed < _REFRESH:
            return
        with self._lock:
            self._refreshed = now
            for place, watched in enumerate(self._watched):
                if watched.outcomes:
                    self._tell(place, now)

    def shown(self, place: int) -> dict[str, Any]:
        """Return the figures of a model, as /models and /metrics show them."""
        watched, now = self._watched[place], self.clock()
        with self._lock:
            found = [round(ms, 1) for ms in watched.latencies.quantiles(now, 0.5, 0.95, 0.99)]
            p50, p95, p99 = found or (None, None, None)
            return {
                "answers": len(watched.latencies),
                "expected_latency_ms": round(watched.latencies.expected(now), 1),
                "p50_latency_ms": p50,
                "p95_latency_ms": p95,
                "p99_latency_ms": p99,
                "success_share": round(watched.success(now), 4),
                "circuit": watched.circuit.state(now),
            }

    def _tell(self, place: int, now: float) -> None:
        watched = self._watched[place]
        if self.learns:
            self.decider.latency[place] = watched.latencies.expected(now)
            self.decider.success[place] = watched.success(now)

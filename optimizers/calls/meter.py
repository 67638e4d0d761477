"""What a run has used so far, its limits, and whether it must stop.

The clock is part of the replay: an answer from the journal moves it to where it stood when that answer came, so a budget
in minutes ends a resumed run at the same place as an uninterrupted one.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dspy_programs.errors import BudgetSpent, ModelFailing

UNREADABLE_AT_FIRST = 12  # unreadable replies in a row before any readable one: the model is broken, not the prompt
UNREADABLE_LATER = 40  # after a readable one: a few bad candidates in a row do not mean a broken model


@dataclass(frozen=True)
class Budget:
    """Limits of one run; None means no limit. Tokens, money and minutes cover search and test together."""

    metric_calls: int | None = None
    minutes: float | None = None
    tokens: int | None = None
    usd: float | None = None


@dataclass
class Used:
    """Calls, tokens and money of one role ("task" or "reflection"), from this process or an earlier one."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unpriced_calls: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass
class Meter:
    """Shared by every thread of a run. `stop` is final: from then on no call leaves this process.

    limits: tokens, money and minutes, checked before each call. clock: seconds, monotonic.
    """

    limits: Budget = Budget()
    roles: dict[str, Used] = field(default_factory=lambda: {"task": Used(), "reflection": Used()})
    replayed_calls: int = 0
    metric_calls: int = 0
    reason: BaseException | None = None
    clock: Callable[[], float] = time.monotonic
    answered: float = 0.0  # seconds into the run when the last answer came: the same in a replay
    _readable: int = 0
    _unreadable: int = 0
    _offset: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._start = self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds of work, over all processes of this run."""
        return self._offset + self.clock() - self._start

    @property
    def tokens(self) -> int:
        return sum(used.tokens for used in self.roles.values())

    @property
    def calls(self) -> int:
        return sum(used.calls for used in self.roles.values())

    @property
    def usd(self) -> float:
        return sum(used.usd for used in self.roles.values())

    @property
    def stopped(self) -> bool:
        return self.reason is not None

    def stop(self, reason: BaseException) -> None:
        """Keep the first reason: what follows are its consequences."""
        with self._lock:
            self.reason = self.reason or reason

    def raise_if_stopped(self) -> None:
        if self.reason is not None:
            raise self.reason

    def before_call(self) -> None:
        """Let a call through, or stop the run. Raises BudgetSpent, or whatever stopped it before."""
        self.raise_if_stopped()
        if limit := self.exceeds(self.limits):
            self.stop(BudgetSpent(limit))
            self.raise_if_stopped()

    def count_metric_call(self, unreadable: str | None = None, refused: bool = False) -> None:
        """Count one metric call: a row run and scored.

        unreadable: why its reply could not be used; too many of those in a row stop the run.
        refused: the server rejected the prompt, which says nothing about the model.
        """
        with self._lock:
            self.metric_calls += 1
            if not refused:
                self._readable += unreadable is None
                self._unreadable = 0 if unreadable is None else self._unreadable + 1
        if self._unreadable >= (UNREADABLE_LATER if self._readable else UNREADABLE_AT_FIRST):
            reason = f"{self._unreadable} replies of the task model in a row could not be read; the last: {unreadable}"
            self.stop(ModelFailing(f"{reason}. They are kept with the run: once the model works, start over with --fresh"))

    def count(self, role: str, used: Used, at: float, replayed: bool) -> None:
        """Add one call that ended `at` that many seconds into the run."""
        with self._lock:
            total = self.roles[role]
            for name in vars(used):
                setattr(total, name, getattr(total, name) + getattr(used, name))
            self.answered = max(self.answered, at)
            if replayed:
                self.replayed_calls += 1
                self._offset += max(0.0, at - self.elapsed)

    def exceeds(self, budget: Budget) -> str | None:
        """Return the limit that has been reached, or None."""
        for name, used, limit in (
            ("minutes", self.elapsed / 60, budget.minutes),
            ("tokens", self.tokens, budget.tokens),
            ("USD", self.usd, budget.usd),
        ):
            if limit is not None and used >= limit:
                return f"{limit:g} {name}"
        return None

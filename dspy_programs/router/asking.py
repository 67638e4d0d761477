"""Asks the best model, and the next best ones in order if it fails.

What could pass is retried after a wait that doubles, or that the model asks for; what cannot goes to the next model at once.
A model whose circuit is open, that is at its limit, or whose answer could cost more than is left, is passed over.

Raises     NoneAnswered with every attempt; AllBusy, BudgetSpent where nothing was asked.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from dspy_programs.errors import BudgetSpent
from dspy_programs.router.catalogue import Catalogue, Model
from dspy_programs.router.errors import AllBusy, Attempt, NoneAnswered
from dspy_programs.router.learning.observed import Observed
from dspy_programs.router.money import Booked, Money
from dspy_programs.router.needs import Needs
from dspy_programs.router.upstreams.upstream import UpstreamError, Used

T = TypeVar("T")
_LONGEST_WAIT, _LAST_WAIT = 1.0, 30.0  # seconds before a retry: where another model is left, and where none is


class Got(NamedTuple, Generic[T]):
    """used: tokens, None where the answer does not say, or is not there yet."""

    value: T
    used: Used | None


class Asked(NamedTuple, Generic[T]):
    """place: of the model that answered; attempts: those that failed, then the one that did not."""

    value: T
    place: int
    ms: float
    booked: Booked
    attempts: list[Attempt]


@dataclass
class _Tried:
    """refusals: the statuses of models that found the request itself wrong; poor: a model was too dear for what is left."""

    attempts: list[Attempt]
    refusals: list[int | None] = field(default_factory=list)
    poor: bool = False
    longest: float = _LONGEST_WAIT


class Asker:
    """What asking takes. sleep, rng and clock are for tests."""

    def __init__(
        self,
        catalogue: Catalogue,
        observed: Observed,
        money: Money,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.models, self.fallback = catalogue.models, catalogue.fallback
        self.observed, self.money, self.clock, self.sleep = observed, money, clock, sleep
        self.rng = rng or random.Random()

    def ask(
        self, order: Sequence[int], needs: Needs, send: Callable[[Model, float], Got[T]], streams: bool = False
    ) -> Asked[T]:
        """Return the first answer. send: asks one model, in so many seconds at most; streams: its end is told later."""
        tried = _Tried([])
        for place in order:
            if len({one.model for one in tried.attempts}) == self.fallback.models:
                break
            tried.longest = _LAST_WAIT if place == order[-1] else _LONGEST_WAIT
            if (asked := self._ask_one(place, needs, send, streams, tried)) is not None:
                return asked
        raise self._error(tried)

    def _ask_one(
        self, place: int, needs: Needs, send: Callable[[Model, float], Got[T]], streams: bool, tried: "_Tried"
    ) -> Asked[T] | None:
        """Ask one model, again if that may help; return None if it gives no answer."""
        model = self.models[place]
        for nth in range(1 + self.fallback.retries):
            if not self.observed.admit(place):
                return None
            most = Used(needs.prompt, needs.answer * needs.choices)
            if (booked := self.money.book(model.cost(*most))) is None:
                tried.poor = True
                return None
            start = self.clock()
            try:
                got = send(model, self.fallback.timeout_seconds)
            except UpstreamError as error:
                self.money.correct(booked, booked.usd if error.may_cost else 0.0)
                tried.attempts.append(Attempt(model.id, self._ms(start), str(error)))
                tried.refusals.extend([error.status] if error.cure == "refused" else [])
                if not self._may_try_again(place, error, nth, tried.longest):
                    return None
            except BaseException:  # a bug, or the user's Ctrl-C: nothing was learnt, and nothing stays booked
                self.money.correct(booked, 0.0)
                raise
            else:
                ms = self._ms(start)
                if not streams:
                    self.settle(place, booked, ms, got.used or most)
                return Asked(got.value, place, ms, booked, [*tried.attempts, Attempt(model.id, ms)])
        return None

    def settle(self, place: int, booked: Booked, ms: float, used: Used) -> None:
        """Learn from a complete answer."""
        self.observed.worked(place, ms)
        self.money.correct(booked, self.models[place].cost(*used))

    def _may_try_again(self, place: int, error: UpstreamError, nth: int, longest: float) -> bool:
        """Learn from a failure; wait and return True if the same model is to be asked again."""
        if error.cure == "refused":
            return False
        self.observed.failed(place, error.wait)
        if error.cure == "next" or nth == self.fallback.retries:
            return False
        doubled = self.fallback.backoff_seconds * 2**nth * self.rng.uniform(0.5, 1.0)
        wait = doubled if error.wait is None else error.wait
        if wait > longest:
            return False
        self.sleep(wait)
        return True

    def _error(self, tried: "_Tried") -> Exception:
        if tried.attempts:
            all_refused = len(tried.refusals) == len(tried.attempts)
            return NoneAnswered(tried.attempts, tried.refusals[0] if all_refused else None)
        if tried.poor:
            return BudgetSpent(
                f"{self.money.spent:.4f} of {self.money.limit:g} USD are spent today, and no model that fits is sure to stay "
                "within the rest; raise budget.usd_per_day, or ask for a shorter answer"
            )
        return AllBusy("every model that fits is failing or at its limit of requests a minute; try again in a moment", 1.0)

    def _ms(self, start: float) -> float:
        return (self.clock() - start) * 1000

"""The router: decides which model answers, asks it, and goes on to the next best if it fails.

    router = Router(read_catalogue())
    answer = router.chat({"messages": [{"role": "user", "content": "Hi"}]})
    answer.model, answer.completion["choices"][0]["message"]["content"]

Guarantees threads may share one; what goes to a model is the body as it came; an answer is cached under the model that gave it.
"""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dspy_programs.router.answers.store import Answers, answers_for, key_of
from dspy_programs.router.asking import Asked, Asker, Got
from dspy_programs.router.catalogue import Catalogue, Model
from dspy_programs.router.deciding import Decider, Decision
from dspy_programs.router.errors import Attempt
from dspy_programs.router.figures import Figures
from dspy_programs.router.learning.difficulty_file import read_easy
from dspy_programs.router.learning.observed import Observed
from dspy_programs.router.learning.quality import read_quality
from dspy_programs.router.money import Money
from dspy_programs.router.needs import Needs, needs_of
from dspy_programs.router.streams import Assembled, chunks_of
from dspy_programs.router.upstreams.upstream import Json, Upstream, UpstreamError, Used, is_completion, used_in


@dataclass(frozen=True)
class Answer:
    """model: the id of the one that answered; attempts: all that were asked, () from the cache."""

    completion: Json
    model: str
    decision: Decision
    ms: float
    cached: bool = False
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class Stream:
    """The same in chunks; they must be read to their end, or closed."""

    chunks: Iterator[Json]
    model: str
    decision: Decision
    cached: bool = False
    attempts: tuple[Attempt, ...] = field(default=())


class Router:
    """All that one catalogue needs. Close it at the end."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        answers: Answers | None = None,
        upstream: Callable[[Model, float], Upstream] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        """Make a router; no model is asked, and none is loaded.

        Args:
            catalogue: Its models and settings.
            answers: The cache; by default the one that the catalogue names.
            upstream: Makes what answers for a model; by default its server, or DSPy's language model.
            clock, sleep, rng: For tests.

        Raises:
            UsageError: A file of what was learnt, or Redis's URL, is wrong.
            MissingExtra: The cache needs a package that is not installed.
        """
        self.catalogue, self.clock, self.rng = catalogue, clock, rng or random.Random()
        self.quality = read_quality(catalogue.learning.quality_file)
        self.decider = Decider(catalogue, self.quality)
        self.easy = read_easy(catalogue.learning.difficulty_file)
        self._alike = self.easy and (self.decider.known_place(self.easy.cheap), self.decider.known_place(self.easy.strong))
        self.observed = Observed(catalogue, self.decider, clock)
        self.money = Money(catalogue.budget.usd_per_day)
        self.asker = Asker(catalogue, self.observed, self.money, clock, sleep, self.rng)
        self.answers = answers if answers is not None else answers_for(catalogue.cache)
        self.figures = Figures()
        self._upstream, self._upstreams = upstream or upstream_of, dict[str, Upstream]()

    def decide(self, needs: Needs) -> Decision:
        """Return which model is best for a request now. Raises NoModelFits, AllBusy, and UsageError for an unknown model."""
        self.observed.refresh()
        rng = self.rng if self.catalogue.learning.exploration else None
        is_easy = self.easy is not None and self.easy.program == needs.program and self.easy.difficulty.is_easy(needs.text)
        return self.decider.decide(needs, self.clock(), rng, self._alike if is_easy else None)

    def chat(self, body: Json, needs: Needs | None = None, cache: bool = True) -> Answer:
        """Answer a chat completion's body.

        Args:
            body: As OpenAI's protocol has it; its model is ignored.
            needs: What it asks of a model; by default read from the body.
            cache: Whether an answer may come from the cache, and go there.

        Raises:
            NoModelFits, AllBusy, NoneAnswered, BudgetSpent: See errors.py.
        """
        body = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
        needs = needs or needs_of(body)
        start = self.clock()

        def send(model: Model, seconds: float) -> Got[Json]:
            completion = self._of(model).complete(body, seconds)
            return Got(completion, used_in(completion))

        with self._counting_failures():
            decision, best, known = self._decided(body, needs, cache)
            if known is not None:
                ms = self._ms(start)
                self.figures.answered(best.id, ms, cached=True)
                return Answer(known, best.id, decision, ms, cached=True)
            asked = self.asker.ask(decision.order(), needs, send)
        model = self.catalogue.models[asked.place]
        if cache and self.answers is not None:
            self.answers.put(key_of(model, body), asked.value)
        ms = self._ms(start)
        self.figures.answered(model.id, ms, False, len(asked.attempts))
        return Answer(asked.value, model.id, decision, ms, attempts=tuple(asked.attempts))

    def stream(self, body: Json, needs: Needs | None = None, cache: bool = True) -> Stream:
        """Answer the same in chunks. Other models are asked until the first chunk is there; then an error ends the stream."""
        needs = needs or needs_of(body)
        start, wants_usage = self.clock(), _wants_usage(body)

        def send(model: Model, seconds: float) -> Got[Iterator[Json]]:
            return Got(self._of(model).stream({**body, "stream": True}, seconds), None)

        with self._counting_failures():
            decision, best, known = self._decided(body, needs, cache)
            if known is not None:
                self.figures.answered(best.id, self._ms(start), cached=True)
                return Stream(chunks_of(known, wants_usage), best.id, decision, cached=True)
            asked = self.asker.ask(decision.order(), needs, send, streams=True)
        model = self.catalogue.models[asked.place]
        chunks = self._followed(asked, start, needs, wants_usage, key_of(model, body) if cache and self.answers else None)
        return Stream(chunks, model.id, decision, attempts=tuple(asked.attempts))

    def learn(self, program: str, model: str, score: float) -> None:
        """Add what an answer was worth, a share in [0, 1]. Raises UsageError for another, or an unknown model."""
        self.decider.learn_quality(program, self.decider.known_place(model), score)

    def shown(self) -> dict[str, Any]:
        """Return all figures, as /metrics has them."""
        models = {model.id: self.observed.shown(place) for place, model in enumerate(self.catalogue.models)}
        return {**self.figures.shown(), "spent_usd_today": round(self.money.spent, 6), "model_latencies": models}

    @property
    def place(self) -> str:
        """Return where answers are kept, in words."""
        if self.answers is None:
            return "no cache"
        is_away = self.answers.backend == "redis" and not self.answers.is_connected()
        return "memory, because Redis does not answer" if is_away else self.answers.backend

    def close(self) -> None:
        if self.answers is not None:
            self.answers.close()

    def _followed(
        self, asked: Asked[Iterator[Json]], start: float, needs: Needs, wants_usage: bool, key: str | None
    ) -> Iterator[Json]:
        """Pass a stream on; learn from it, and cache it, when it is complete. Else what was booked stays spent."""
        whole, used = Assembled(), None
        model = self.catalogue.models[asked.place]
        ended = False
        try:
            for chunk in asked.value:
                used = used_in(chunk) or used
                if key is not None:
                    whole.add({"usage": chunk.get("usage")})  # of an answer in one piece, also if nobody asked for it
                for each in chunks_of(chunk, wants_usage):
                    if key is not None:
                        whole.add(each)
                    yield each
            ended = True
        except UpstreamError:
            self.observed.failed(asked.place)
            self.figures.failed()
            raise
        finally:
            ms = self._ms(start)
            if ended:
                self.asker.settle(asked.place, asked.booked, ms, used or Used(needs.prompt, needs.answer * needs.choices))
                self.figures.answered(model.id, ms, False, len(asked.attempts))
                if key and self.answers and (completion := whole.completion()) is not None:
                    self.answers.put(key, completion)
            close = getattr(asked.value, "close", None)
            if close is not None:
                close()

    def _decided(self, body: Json, needs: Needs, cache: bool) -> tuple[Decision, Model, Json | None]:
        """Return the decision, the best model, and what that has already answered to this body."""
        decision = self.decide(needs)
        best = self.catalogue.models[decision.best]
        known = self.answers.get(key_of(best, body)) if cache and self.answers is not None else None
        return decision, best, known if is_completion(known) else None  # others may write to its file, or its Redis

    @contextlib.contextmanager
    def _counting_failures(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self.figures.failed()
            raise

    def _of(self, model: Model) -> Upstream:
        if (known := self._upstreams.get(model.id)) is None:
            known = self._upstreams.setdefault(model.id, self._upstream(model, self.catalogue.fallback.timeout_seconds))
        return known

    def _ms(self, start: float) -> float:
        return (self.clock() - start) * 1000


def _wants_usage(body: Json) -> bool:
    options = body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def upstream_of(model: Model, seconds: float) -> Upstream:
    """Return what answers for a model: its server where that speaks OpenAI's protocol, else DSPy's language model."""
    if model.base is not None:
        from dspy_programs.router.upstreams.http import HttpUpstream

        return HttpUpstream(model)
    from dspy_programs.router.upstreams.language_model import LanguageModel

    return LanguageModel(model, seconds)

"""Which model answers: hard limits first, then a weighted score, in arrays that what is learned updates in place.

    score = latency weight x (1 - latency / the slowest candidate's) + cost weight x (1 - price / the dearest candidate's)
            + quality weight x quality

Under the priority "quality" the best quality wins, and the score only decides between equals.

Output     Decision: the best model, and on demand all that fit, best first.
Raises     NoModelFits: names the limit that is impossible, or the limits that are so together; AllBusy: all that fit are left
           alone for the moment.
"""

import random
from bisect import bisect_left, bisect_right
from typing import Any, NamedTuple

import numpy as np

from dspy_programs.router.catalogue import Catalogue, Priority, Weights
from dspy_programs.router.errors import AllBusy
from dspy_programs.router.impossible import not_known, why_none_fits
from dspy_programs.router.learning.quality import Quality
from dspy_programs.router.needs import Needs

_MOST_KNOWN = 1000  # kinds of limits whose models are remembered
_FREE = 1e-12  # USD: what costs less costs nothing
_TIE = 1e-9  # a score beside a quality: it decides between equals only
_Floats = np.ndarray[Any, np.dtype[np.float64]]
_max = np.maximum.reduce  # half the time of .max() for a few numbers


class Decision(NamedTuple):
    """best: place of the model in the catalogue; places and ranks: of all that fit; weights: what counted how much.

    scores: without what they all have in common.
    """

    best: int
    priority: Priority
    weights: Weights
    places: Any
    ranks: _Floats
    scores: _Floats

    def order(self) -> list[int]:
        """Return the places of all models that fit, best first."""
        return [int(self.places[at]) for at in np.argsort(-self.ranks, kind="stable")]

    def score(self, place: int) -> float:
        """Return the score of a model that fits."""
        what_all_have = self.weights.latency + self.weights.cost
        return what_all_have + float(self.scores[np.nonzero(self.places == place)[0][0]])


class Decider:
    """The models as columns. Who changes a column holds the router's lock; a decision only reads."""

    def __init__(self, catalogue: Catalogue, quality: Quality) -> None:
        models = self.models = catalogue.models
        self.catalogue, self.known = catalogue, quality
        self._place = {model.id: at for at, model in enumerate(models)}
        self.latency: _Floats = np.array([model.latency_ms for model in models], dtype=float)
        self.success: _Floats = np.ones(len(models))
        self.blocked_until: _Floats = np.zeros(len(models))
        self.last_block = 0.0
        self._cost = np.array([model.prompt_usd_per_1k + model.completion_usd_per_1k for model in models])
        self._context = np.array([model.context for model in models])
        self._contexts, self._costs = sorted(model.context for model in models), sorted(self._cost.tolist())
        self._tools, self._images = (np.array([getattr(one, name) for one in models]) for name in ("tools", "images"))
        self._everywhere = np.arange(len(models))
        self._quality: dict[str | None, _Floats] = {}
        self._known_fits: dict[tuple[Any, ...], Any] = {}

    def decide(
        self, needs: Needs, now: float, rng: random.Random | None = None, alike: tuple[int, int] | None = None
    ) -> Decision:
        """Return the best model for a request.

        rng: to draw qualities from what is known instead of taking their means; alike: two places, the first of which is as
        good as the second at this request.
        """
        fits = self._fitting(needs)
        places, latency, cost = self._everywhere, self.latency, self._cost
        quality = self.quality(needs.program) * self.success
        if alike is not None:
            quality[alike[0]] = quality[list(alike)].max()
        free = (self.blocked_until <= now) & fits if self.last_block > now else fits
        if free is not True:
            places = free.nonzero()[0]
            if not len(places):
                self._refuse(needs, fits, now)
            latency, cost, quality = latency.take(places), cost.take(places), quality.take(places)
        if rng is not None:
            quality = self._drawn(needs.program, places, quality, rng)
        priority = needs.priority or self.catalogue.priority
        weights = self.catalogue.weights[priority]
        scores = quality * weights.quality
        scores -= latency * (weights.latency / (_max(latency) or 1.0))
        scores -= cost * (weights.cost / max(_max(cost), _FREE))
        ranks = quality + _TIE * scores if priority == "quality" else scores
        return Decision(int(places[ranks.argmax()]), priority, weights, places, ranks, scores)

    def quality(self, program: str | None) -> _Floats:
        """Return what to expect of each model at a program."""
        if (known := self._quality.get(program)) is None:
            if program is not None and program not in self.known.known:
                return self.quality(None)  # so that made-up names take no memory
            known = np.array([self.known.mean(program, model.id, model.quality) for model in self.models])
            self._quality[program] = known
        return known

    def learn_quality(self, program: str, place: int, score: float) -> None:
        model = self.models[place]
        self.known.add(program, model.id, score)
        if program in self._quality:
            self._quality[program][place] = self.known.mean(program, model.id, model.quality)

    def known_place(self, name: str) -> int:
        """Return a model's place in the catalogue. Raises UsageError, which names those that are spelled alike."""
        if name not in self._place:
            raise not_known(name, self._place)
        return self._place[name]

    def block(self, place: int, until: float) -> None:
        """Leave a model alone until then."""
        self.blocked_until[place] = until
        self.last_block = max(self.last_block, until)

    def _fitting(self, needs: Needs) -> Any:
        """Return which models meet the limits; True for all of them, which is the usual case."""
        most = needs.max_cost_per_1k
        if needs.preferred:
            met = self._meeting(needs)  # not remembered: lists of names could fill the memory
        else:
            too_small = bisect_left(self._contexts, needs.tokens)
            cheap_enough = None if most is None else bisect_right(self._costs, 2 * most)
            key = (too_small, cheap_enough, needs.tools, needs.images, needs.region)
            if (met := self._known_fits.get(key)) is None:
                if len(self._known_fits) >= _MOST_KNOWN:
                    self._known_fits.clear()
                met = self._known_fits[key] = self._meeting(needs)
        if needs.max_latency_ms is None:
            return met
        fast = self.latency <= needs.max_latency_ms
        return fast if met is True else fast & met

    def _meeting(self, needs: Needs) -> Any:
        """Return which models meet the limits that nothing learnt can change; True for all."""
        met = self._context >= needs.tokens
        if needs.max_cost_per_1k is not None:
            met &= self._cost <= 2 * needs.max_cost_per_1k  # the mean of both prices
        if needs.tools:
            met &= self._tools
        if needs.images:
            met &= self._images
        if needs.preferred:
            met &= np.isin(self._everywhere, [self.known_place(name) for name in needs.preferred])
        if needs.region is not None:
            met &= np.array([needs.region in model.regions for model in self.models])
        return True if met.all() else met

    def _drawn(self, program: str | None, places: Any, means: _Floats, rng: random.Random) -> _Floats:
        """Draw a quality for each model but those below the floor, which stay what they are known to be."""
        floor, models = self.catalogue.learning.floor, [self.models[at] for at in places]
        drawn = [
            max(floor, self.known.draw(program, model.id, model.quality, rng)) if mean >= floor else mean
            for model, mean in zip(models, means, strict=True)
        ]
        return np.array(drawn)

    def _refuse(self, needs: Needs, fits: Any, now: float) -> None:
        fits = np.broadcast_to(fits, len(self.models))
        if not fits.any():
            raise why_none_fits(self.models, self.latency.tolist(), needs)
        wait = float(self.blocked_until[fits].min()) - now
        names = ", ".join(model.id for model, one in zip(self.models, fits, strict=True) if one)
        raise AllBusy(f"every model that fits is failing or at its limit ({names[:300]}); try again in {wait:.0f} s", wait)

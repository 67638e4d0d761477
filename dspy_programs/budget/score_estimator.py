"""Calls a scorer only until it is clear whether a prompt reaches the target.

A judge that gives 0.6 to a prompt and 0.7 to half of it has not found a better prompt: it is noisy. So a noisy scorer is
asked again about the candidate and the full prompt until the difference between the candidate and threshold x full is
decided, or a limit is reached: then it is undecided, and nothing is dropped.

Decided    when the probability that the true loss is within what the threshold allows is above 95 % or below 5 % (Bayes'
           rule, with the search's expectation as prior). The judge's error is estimated from all its repeated answers,
           starting at PRIOR_SD, so two equal answers prove nothing.
Interval   of the difference to the target: one-sided 90 %, Student's t on the same variance.
Guarantees with a scorer that is not noisy, no set of sections is paid for twice; at most `repeats` answers per set and
           `most_calls` in all; the n-th answer to a question is asked under lm.samples.sample(n), with the criteria in a
           different order each time.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal, NamedTuple

from dspy_programs.budget.scorers import Score, Scorer, is_noisy
from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import sample
from dspy_programs.types import Rubric, Section

REPEATS = 8
PRIOR_SD, PRIOR_WEIGHT = 0.05, 2.0
_T90 = ((1, 3.08), (2, 1.89), (3, 1.64), (4, 1.53), (5, 1.48), (6, 1.44), (8, 1.40), (10, 1.37), (15, 1.34), (30, 1.31))
SURE = 0.95
_MOST_TRUSTED = 0.8  # the prior alone never decides
_LARGEST_LOSS = 0.3  # share of a prompt's score; a larger loss at once is not expected
SAME = 1e-9  # scores that differ by less are equal

Key = tuple[tuple[str, str], ...]


class Verdict(NamedTuple):
    """Whether a candidate reaches the target. difference: its score less the target; margin: half its interval's width."""

    answer: Literal["yes", "no", "undecided"]
    score: float
    target: float
    difference: float
    margin: float


class OutOfCalls(Exception):
    """The call limit is reached; what is undecided stays as it is."""


class ScoreEstimator:
    """Every answer of one scorer in one negotiation."""

    def __init__(
        self,
        scorer: Scorer,
        rubric: Rubric,
        task: str,
        threshold: float,
        repeats: int = REPEATS,
        most_calls: int | None = None,
    ) -> None:
        """threshold: share of the full prompt's score to keep; repeats: 1 takes a single answer as the truth."""
        self.scorer, self.rubric, self.task, self.threshold = scorer, rubric, task, threshold
        self.noisy = is_noisy(scorer) and repeats > 1
        self.repeats, self.most_calls = repeats, most_calls
        self.calls = self.model_calls = 0
        self.whole: Sequence[Section] = ()
        self.answers: dict[Key, list[float]] = {}
        self.asked: dict[Key, int] = {}
        self.by_model = False
        self.notes: dict[str, None] = {}
        self.confidence = 1.0

    def measure_whole(self, sections: Sequence[Section]) -> float:
        """Score the reference prompt: twice if the scorer is noisy, to see how noisy."""
        self.whole = list(sections)
        while self.count(self.whole) < (2 if self.noisy else 1):
            self.ask(self.whole)
        return self.mean(self.whole)

    def ask(self, sections: Sequence[Section]) -> None:
        """Get one more answer."""
        key = _key_of(sections)
        number = self.asked.get(key, 0)
        if self.most_calls is not None and self.calls >= self.most_calls:
            raise OutOfCalls
        if number >= 2 * self.repeats:
            raise LanguageModelError(
                f"the scorer's replies cannot be read ({'; '.join(self.notes)[:300]}); try another model, or --scorer offline"
            )
        self.asked[key] = number + 1
        self.calls += 1
        turned = number % len(self.rubric.criteria)
        criteria = [*self.rubric.criteria[turned:], *self.rubric.criteria[:turned]]
        with sample(number):
            found: Score = self.scorer.score(sections, self.rubric.model_copy(update={"criteria": criteria}), self.task)
        self.model_calls += found.calls
        self.by_model |= found.answered_by == "model"
        self.confidence = min(self.confidence, found.confidence)
        if found.note:
            self.notes[found.note] = None
        if found.value is not None and math.isfinite(found.value):
            self.answers.setdefault(key, []).append(min(1.0, max(0.0, found.value)))

    def verdict(self, candidate: Sequence[Section], chance: float = 0.5, loss: float = 0.0) -> Verdict:
        """Say whether the candidate keeps the threshold's share of the full prompt's score. Raises OutOfCalls.

        chance: prior probability that it loses exactly `loss` of the score; otherwise any loss is equally likely.
        """
        while not self.count(candidate):
            self.ask(candidate)
        while (found := self.judged(candidate, chance, loss)).answer == "undecided":
            few, many = self.count(candidate), self.count(self.whole)
            if few >= self.repeats and many >= self.repeats:
                break
            of_candidate = few <= many or many >= self.repeats
            self.ask(candidate if of_candidate and few < self.repeats else self.whole)
        return found

    def judged(self, candidate: Sequence[Section], chance: float, loss: float) -> Verdict:
        whole, score = self.mean(self.whole), self.mean(candidate)
        target = self.threshold * whole
        difference, margin = score - target, self.margin(candidate, self.threshold)
        if not self.noisy or _key_of(candidate) == _key_of(self.whole):
            return Verdict("yes" if difference >= -SAME else "no", score, target, difference, 0.0)
        sd = self.sd() * math.sqrt(1 / self.count(candidate) + 1 / self.count(self.whole))
        allowed, most = (1 - self.threshold) * whole, max(_LARGEST_LOSS * whole, 2 * sd)
        belief = probability(whole - score, sd, allowed, min(chance, _MOST_TRUSTED), loss, most)
        answer: Literal["yes", "no", "undecided"] = "undecided"
        if belief >= SURE and difference >= 0:
            answer = "yes"
        elif belief <= 1 - SURE:
            answer = "no"
        return Verdict(answer, score, target, difference, margin)

    def sd(self) -> float:
        """Return the standard deviation of one answer, pooled over all repeats, starting at PRIOR_SD."""
        return math.sqrt(self.spread()[0])

    def spread(self) -> tuple[float, float]:
        """Return the pooled variance of one answer, and its degrees of freedom."""
        spread, weight = PRIOR_WEIGHT * PRIOR_SD**2, PRIOR_WEIGHT
        for found in self.answers.values():
            mean = math.fsum(found) / len(found)
            spread += math.fsum((value - mean) ** 2 for value in found)
            weight += len(found) - 1
        return spread / weight, weight

    def margin(self, sections: Sequence[Section], share: float) -> float:
        """Return half the width of the interval of score(sections) - share x score(whole); 0 for a scorer without noise."""
        if not self.noisy or _key_of(sections) == _key_of(self.whole):
            return 0.0
        variance, weight = self.spread()
        error = math.sqrt(variance * (1 / self.count(sections) + share**2 / self.count(self.whole)))
        return error * next(t for df, t in reversed(_T90) if df <= weight)

    def mean(self, sections: Sequence[Section]) -> float:
        found = self.answers[_key_of(sections)]
        return math.fsum(found) / len(found)

    def count(self, sections: Sequence[Section]) -> int:
        return len(self.answers.get(_key_of(sections), ()))


def probability(seen: float, sd: float, allowed: float, chance: float, loss: float, most: float) -> float:
    """Return how probable it is that the true loss is at most `allowed`, when `seen` was measured with error `sd`.

    Before measuring it is `loss` with probability `chance`, else uniform from 0 to `most` (Bayes' rule; all are scores).
    """
    likely = NormalDist(seen, sd)
    as_expected = chance * likely.pdf(loss)
    fine, any_loss = ((1 - chance) / most * (likely.cdf(upper) - likely.cdf(0.0)) for upper in (min(allowed, most), most))
    total = as_expected + any_loss
    if total <= 0:
        return float(seen <= allowed)
    return ((as_expected if loss <= allowed + SAME else 0.0) + fine) / total


def _key_of(sections: Sequence[Section]) -> Key:
    return tuple((section.name, section.content) for section in sections)

"""Measures: whether a smaller prompt is as good as the full one.

`reaches` is asked again and again while the search goes on, and may be wrong: who looks at many prompts finds one that was
lucky. `confirm` is asked about the prompts that the search ends with, on answers that no one has looked at before: first
about the one that lost nothing, and only if that holds about the one that spends the loss the threshold allows. In this
order, each at its full confidence, the chance of any wrong answer stays that of one (fixed-sequence testing).

OutputsMeasure   the target model's outputs on examples: a third of them for the search, the others held back.
AnswersMeasure   a scorer of prompts. One that is noisy is asked again until the difference is clear, and confirmed by
                 CONFIRMATIONS fresh answers; one that is not answers once, and its answer needs no confirmation.
Output           Verdict: scores of the candidate and the target. Confirmed: the scores of both prompts with the interval of
                 their ratio (90 % between its limits), None where one answer is the whole truth.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from dspy_programs.budget.measuring.outputs import OutputsScorer
from dspy_programs.budget.measuring.retention import Interval, needed, provable, retained
from dspy_programs.budget.measuring.scorers import Score, Scorer, is_noisy, measures
from dspy_programs.budget.prompts.prompt import joined
from dspy_programs.errors import LanguageModelError, UsageError
from dspy_programs.lm import sample
from dspy_programs.types import Rubric, Section

REPEATS = 8  # answers of a noisy scorer on one prompt, at most, during the search
CONFIRMATIONS = 16
SAME = 1e-9  # scores that differ by less are equal
_PRIOR_SD, _PRIOR_WEIGHT = 0.05, 2.0  # of a noisy scorer's answers; two equal answers prove nothing
_T95 = ((1, 6.31), (2, 2.92), (3, 2.35), (4, 2.13), (5, 2.02), (6, 1.94), (8, 1.86), (10, 1.81), (15, 1.75), (30, 1.70))
_FOR_SEARCH = 3  # one example in three serves the search
_MOST_FOR_SEARCH = 40
_HELD_BACK = 4  # times as many examples as would prove the threshold if no answer changed, at most
_TELLING = 12  # characters of an input that is in a prompt by no chance
_SEED = 20261129
_LEAST = {"outputs": 0.2, "opinion": 0.2, "coverage": 0.5}  # score of the full prompt under which a measure is refused

Kind = Literal["outputs", "opinion", "coverage"]
"""What was measured: a model's outputs, a model's opinion of the prompt, or the words of a rubric in the prompt."""


class Verdict(NamedTuple):
    """score: None if the measuring ended early, because the target was out of reach."""

    reached: bool
    score: float | None
    target: float
    margin: float = 0.0


class Confirmed(NamedTuple):
    """Scores of the full prompt and of the new one."""

    whole: float
    new: float
    interval: Interval | None


class Price(NamedTuple):
    """The most that a search may cost: calls of a model, and characters that it reads."""

    calls: int
    characters: int


class Measure(Protocol):
    """What the search needs. calls: judgements of a prompt or an output; model_calls: requests to a model."""

    kind: Kind
    calls: int
    model_calls: int

    def start(self, whole: Sequence[Section]) -> float: ...
    def reaches(self, candidate: Sequence[Section], lossless: bool = False) -> Verdict: ...
    def confirm(self, candidate: Sequence[Section]) -> Confirmed: ...


def require_useful(kind: Kind, score: float, name: str) -> None:
    """Raise UsageError if the full prompt scores so little that nothing can be compared with it."""
    if score >= _LEAST[kind]:
        return
    what = {
        "outputs": "the model's answers with the full prompt are mostly wrong: check the examples, or take a stronger model",
        "opinion": "the judge gives the full prompt almost nothing: use a rubric that fits it, or --examples",
        "coverage": "the rubric is mostly about other things than the prompt: use --examples, or a rubric that fits",
    }[kind]
    raise UsageError(f"{name}: the full prompt scores {score:.2f}, too little to measure by (at least {_LEAST[kind]}); {what}")


class OutputsMeasure:
    """The outputs of the target model on examples."""

    kind: Kind = "outputs"

    def __init__(self, scorer: OutputsScorer, rubric: Rubric, task: str, threshold: float) -> None:
        """Raises UsageError if the examples cannot prove the threshold, or are copies of each other."""
        self.scorer, self.rubric, self.task, self.threshold = scorer, rubric, task, threshold
        self.calls = self.model_calls = 0
        [(copied, times)] = Counter(example.input for example in scorer.examples).most_common(1)
        if times > 1:
            raise UsageError(f"examples: {times} have the input {copied[:60]!r}; give each its own: a copy proves nothing more")
        order = list(range(len(scorer.examples)))
        random.Random(_SEED).shuffle(order)
        most = min(max(1, len(order) // _FOR_SEARCH), _MOST_FOR_SEARCH)
        enough = needed(threshold)
        self.searched, self.held = order[:most], order[most:][: _HELD_BACK * enough]
        if len(self.held) < enough or threshold >= 1:
            raise UsageError(too_few(len(order), len(self.held), threshold))

    def start(self, whole: Sequence[Section]) -> float:
        self.whole, text = list(whole), joined(whole)
        known = [one.input for one in self.scorer.examples if one.wanted and len(one.input) >= _TELLING and one.input in text]
        if known:
            raise UsageError(
                f"examples: {len(known)} of {len(self.scorer.examples)} stand in the prompt itself, such as {known[0][:60]!r}, "
                "so they tell nothing about other inputs; give examples that the prompt does not show"
            )
        self.held_before: list[float] = []
        self.before = [self._score(whole, number) for number in self.searched]
        score = _mean(self.before)
        if score >= _LEAST[self.kind] and provable(math.ceil(score * len(self.held))) < self.threshold:
            rounded = math.floor(100 * provable(math.ceil(score * len(self.held)))) / 100
            raise UsageError(
                f"{self.scorer.name}: the full prompt scores {score:.2f}, so {len(self.held)} held-back examples prove at most "
                f"{rounded:.0%} of the quality: give more examples, or --threshold {rounded:g}"
            )
        return score

    def reaches(self, candidate: Sequence[Section], lossless: bool = False) -> Verdict:
        """Say whether no loss is seen, or at most half of the loss that the threshold allows; stop once more is."""
        target = (1.0 if lossless else (1 + self.threshold) / 2) * sum(self.before)
        left, total = float(len(self.searched)), 0.0
        for at, number in enumerate(self.searched, 1):
            total, left = total + self._score(candidate, number), left - 1
            if total + left < target - SAME and at < len(self.searched):
                return Verdict(False, None, target / len(self.searched))
        return Verdict(total >= target - SAME, total / len(self.searched), target / len(self.searched))

    def confirm(self, candidate: Sequence[Section]) -> Confirmed:
        if not self.held_before:
            self.held_before = [self._score(self.whole, number) for number in self.held]
        whole, new = self.held_before, [self._score(candidate, number) for number in self.held]
        if not sum(whole):
            raise UsageError(f"{self.scorer.name}: the full prompt gets none of the held-back examples right")
        return Confirmed(_mean(whole), _mean(new), retained(whole, new))

    def _score(self, prompt: Sequence[Section], number: int) -> float:
        found = self.scorer.score_one(prompt, number, self.rubric, self.task, self.whole)
        self.calls += 1
        self.model_calls += found.calls
        return found.value or 0.0

    def price(self, whole: Sequence[Section], prompts: int) -> Price:
        """prompts: how many the search may try."""
        size, inputs = len(joined(whole)), [len(example.input) for example in self.scorer.examples]
        asked = [(number, prompts + 1) for number in self.searched] + [(number, 3) for number in self.held]
        return Price(sum(times for _, times in asked), sum(times * (size + inputs[number]) for number, times in asked))


def too_few(examples: int, held: int, threshold: float) -> str:
    if threshold >= 1:
        return "no number of examples proves that nothing at all is lost; give a --threshold below 1"
    rounded = math.floor(100 * provable(held)) / 100
    enough = needed(threshold)
    most = enough + min(enough // (_FOR_SEARCH - 1) + 1, _MOST_FOR_SEARCH)
    return (
        f"{examples} examples prove at most {rounded:.0%} of the quality ({examples - held} for the search, {held} held back): "
        f"give {most} for a threshold of {threshold:g}, or --threshold {rounded:g}"
    )


class AnswersMeasure:
    """Answers of a scorer that reads prompts."""

    def __init__(self, scorer: Scorer, rubric: Rubric, task: str, threshold: float) -> None:
        self.scorer, self.rubric, self.task, self.threshold = scorer, rubric, task, threshold
        self.kind: Kind = measures(scorer)
        self.noisy = is_noisy(scorer)
        self.calls = self.model_calls = 0
        self.answers: dict[tuple[tuple[str, str], ...], list[float]] = {}
        self.asked: dict[tuple[tuple[str, str], ...], int] = {}
        self.by_model, self.confidence = False, 1.0
        self.notes: dict[str, None] = {}

    def start(self, whole: Sequence[Section]) -> float:
        self.whole = list(whole)
        return _mean(self._answers(whole, 2 if self.noisy else 1))

    def reaches(self, candidate: Sequence[Section], lossless: bool = False) -> Verdict:
        """Ask until the difference to the target is clear, or the answers run out: then it is not reached."""
        repeats = 2
        while True:
            before, new = (self._answers(prompt, repeats if self.noisy else 1) for prompt in (self.whole, candidate))
            target, score = self.threshold * _mean(before), _mean(new)
            margin = self._margin(len(before), len(new)) if self.noisy else 0.0
            if abs(score - target) > margin or not self.noisy or repeats >= REPEATS:
                return Verdict(score - target >= margin - SAME, score, target, margin)
            repeats += 2

    def confirm(self, candidate: Sequence[Section]) -> Confirmed:
        """Compare fresh answers on both; one answer is enough of a scorer that is not noisy."""
        if not self.noisy:
            return Confirmed(_mean(self._answers(self.whole, 1)), _mean(self._answers(candidate, 1)), None)
        new, before = ([self._answer(prompt) for _ in range(CONFIRMATIONS)] for prompt in (candidate, self.whole))
        value = _mean(new) / _mean(before) if _mean(before) else 0.0
        error = math.sqrt(self._variance([new, before]) * (1 + value**2) / CONFIRMATIONS)
        margin = error * _t(2 * CONFIRMATIONS - 2) / max(_mean(before), SAME)
        return Confirmed(_mean(before), _mean(new), Interval(value, max(0.0, value - margin), value + margin))

    def _answers(self, prompt: Sequence[Section], count: int) -> list[float]:
        found = self.answers.setdefault(_key_of(prompt), [])
        while len(found) < count:
            found.append(self._answer(prompt))
        return found

    def _answer(self, prompt: Sequence[Section]) -> float:
        """Ask for one more answer, the criteria in a different order each time; ask again if it cannot be read."""
        key = _key_of(prompt)
        for _ in range(REPEATS if self.noisy else 2):
            number = self.asked.get(key, 0)
            self.asked[key] = number + 1
            self.calls += 1
            turned = number % len(self.rubric.criteria)
            criteria = [*self.rubric.criteria[turned:], *self.rubric.criteria[:turned]]
            with sample(number):
                found: Score = self.scorer.score(prompt, self.rubric.model_copy(update={"criteria": criteria}), self.task)
            self.model_calls += found.calls
            self.by_model |= found.answered_by == "model"
            self.confidence = min(self.confidence, found.confidence)
            if found.note:
                self.notes[found.note] = None
            if found.value is not None and math.isfinite(found.value):
                return min(1.0, max(0.0, found.value))
        raise LanguageModelError(
            f"the scorer's replies cannot be read ({'; '.join(self.notes)[:300]}); try another model, or --examples"
        )

    def _margin(self, before: int, new: int) -> float:
        groups = list(self.answers.values())
        weight = _PRIOR_WEIGHT + sum(len(found) - 1 for found in groups if found)
        return _t(int(weight)) * math.sqrt(self._variance(groups) * (1 / new + self.threshold**2 / before))

    def _variance(self, groups: Sequence[Sequence[float]]) -> float:
        """Return the variance of one answer, pooled over all repeats, starting at _PRIOR_SD."""
        spread = _PRIOR_WEIGHT * _PRIOR_SD**2
        spread += sum((value - _mean(found)) ** 2 for found in groups for value in found)
        return spread / (_PRIOR_WEIGHT + sum(len(found) - 1 for found in groups if found))


def _t(freedom: int) -> float:
    return next(t for df, t in reversed(_T95) if df <= max(1, freedom))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _key_of(sections: Sequence[Section]) -> tuple[tuple[str, str], ...]:
    return tuple((section.name, section.content) for section in sections)

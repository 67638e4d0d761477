"""The measure by the answers of a scorer that reads prompts.

One that is noisy is asked again until the difference is clear, and confirmed by CONFIRMATIONS fresh answers; one that is not
answers once, and its answer needs no confirmation.

Output     AnswersMeasure, a Measure (measure.py).
Raises     LanguageModelError if a scorer's replies cannot be read.
"""

import math
from collections.abc import Sequence

from dspy_programs.budget.measuring.measure import SAME, Confirmed, Kind, Verdict, mean
from dspy_programs.budget.measuring.retention import Interval
from dspy_programs.budget.measuring.scorers import Score, Scorer, is_noisy, measures
from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import sample
from dspy_programs.types import Rubric, Section

REPEATS = 8  # answers of a noisy scorer on one prompt, at most, during the search
CONFIRMATIONS = 16
_PRIOR_SD, _PRIOR_WEIGHT = 0.05, 2.0  # of a noisy scorer's answers; two equal answers prove nothing
_T95 = ((1, 6.31), (2, 2.92), (3, 2.35), (4, 2.13), (5, 2.02), (6, 1.94), (8, 1.86), (10, 1.81), (15, 1.75), (30, 1.70))


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
        return mean(self._answers(whole, 2 if self.noisy else 1))

    def reaches(self, candidate: Sequence[Section], lossless: bool = False) -> Verdict:
        """Ask until the difference to the target is clear, or the answers run out: then it is not reached."""
        repeats = 2
        while True:
            before, new = (self._answers(prompt, repeats if self.noisy else 1) for prompt in (self.whole, candidate))
            target, score = self.threshold * mean(before), mean(new)
            margin = self._margin(len(before), len(new)) if self.noisy else 0.0
            if abs(score - target) > margin or not self.noisy or repeats >= REPEATS:
                return Verdict(score - target >= margin - SAME, score, target, margin)
            repeats += 2

    def confirm(self, candidate: Sequence[Section]) -> Confirmed:
        """Compare fresh answers on both; one answer is enough of a scorer that is not noisy."""
        if not self.noisy:
            return Confirmed(mean(self._answers(self.whole, 1)), mean(self._answers(candidate, 1)), None)
        new, before = ([self._answer(prompt) for _ in range(CONFIRMATIONS)] for prompt in (candidate, self.whole))
        value = mean(new) / mean(before) if mean(before) else 0.0
        error = math.sqrt(self._variance([new, before]) * (1 + value**2) / CONFIRMATIONS)
        margin = error * _t(2 * CONFIRMATIONS - 2) / max(mean(before), SAME)
        return Confirmed(mean(before), mean(new), Interval(value, max(0.0, value - margin), value + margin))

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
        spread += sum((value - mean(found)) ** 2 for found in groups for value in found)
        return spread / (_PRIOR_WEIGHT + sum(len(found) - 1 for found in groups if found))


def _t(freedom: int) -> float:
    return next(t for df, t in reversed(_T95) if df <= max(1, freedom))


def _key_of(sections: Sequence[Section]) -> tuple[tuple[str, str], ...]:
    return tuple((section.name, section.content) for section in sections)

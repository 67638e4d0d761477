"""Ask a scorer about prompts until it is clear whether they reach the target, and no longer.

A judge that gives 0.6 to a prompt and 0.7 to the half of it has not found a better prompt: it is noisy. So a noisy scorer is
asked again about the candidate and about the whole prompt, until the interval of the difference between the candidate and
threshold x whole leaves zero, or a bound is reached: then it is undecided, and nothing is dropped for it.

Interval   one-sided, 90 %: Student's t on the variance of all repeated answers pooled, which begins as that of a judge who is
           off by PRIOR_SD (so that two equal answers do not count as proof).
Holds      the same set of sections is never paid for twice with a scorer that is not noisy; at most `repeats` answers a set,
           at most `most_calls` in all; the n-th answer to a question is asked under lm.cached.sample(n), with the criteria
           in another order each time.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from dspy_programs.budget.scorers import Score, Scorer, is_noisy
from dspy_programs.errors import LanguageModelError
from dspy_programs.lm.cached import sample
from dspy_programs.types import Rubric, Section

REPEATS = 8
PRIOR_SD, PRIOR_WEIGHT = 0.05, 2.0
T90 = ((1, 3.08), (2, 1.89), (3, 1.64), (4, 1.53), (5, 1.48), (6, 1.44), (8, 1.40), (10, 1.37), (15, 1.34), (30, 1.31))
SAME = 1e-9  # scores that differ by less are equal

Key = tuple[tuple[str, str], ...]


class Verdict(NamedTuple):
    """Whether a candidate reaches the target. difference: of its score to the target, with half the width of its interval."""

    answer: Literal["yes", "no", "undecided"]
    score: float
    target: float
    difference: float
    margin: float


class OutOfCalls(Exception):
    """The bound on calls is reached; what is not decided yet stays as it is."""


class Meter:
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
        """threshold: share of the whole prompt's score to keep; repeats: 1 takes a single answer for the truth."""
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
        """Score the prompt that all others are compared with."""
        self.whole = list(sections)
        while self.count(self.whole) < (2 if self.noisy else 1):
            self.ask(self.whole)
        return self.mean(self.whole)

    def ask(self, sections: Sequence[Section]) -> None:
        """Get one more answer."""
        key = key_of(sections)
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

    def verdict(self, candidate: Sequence[Section]) -> Verdict:
        """Say whether the candidate keeps the threshold's share of the whole prompt's score. Raises OutOfCalls."""
        if not self.count(candidate):
            self.require_one(candidate)
        while (found := self.judged(candidate)).answer == "undecided":
            few, many = self.count(candidate), self.count(self.whole)
            if few >= self.repeats and many >= self.repeats:
                break
            of_candidate = few <= many / max(self.threshold, 0.1) ** 2 or many >= self.repeats
            self.ask(candidate if of_candidate and few < self.repeats else self.whole)
        return found

    def require_one(self, candidate: Sequence[Section]) -> None:
        while not self.count(candidate):
            self.ask(candidate)

    def judged(self, candidate: Sequence[Section]) -> Verdict:
        score, target = self.mean(candidate), self.threshold * self.mean(self.whole)
        difference, margin = score - target, self.margin(candidate, self.threshold)
        if not self.noisy:
            return Verdict("yes" if difference >= -SAME else "no", score, target, difference, 0.0)
        answer: Literal["yes", "no", "undecided"] = "undecided"
        if difference >= margin:
            answer = "yes"
        elif difference <= -margin:
            answer = "no"
        return Verdict(answer, score, target, difference, margin)

    def margin(self, sections: Sequence[Section], share: float) -> float:
        """Return half the width of the interval of score(sections) - share x score(whole); 0 for a scorer without noise."""
        if not self.noisy or key_of(sections) == key_of(self.whole):
            return 0.0
        spread, weight = PRIOR_WEIGHT * PRIOR_SD**2, PRIOR_WEIGHT
        for found in self.answers.values():
            mean = math.fsum(found) / len(found)
            spread += math.fsum((value - mean) ** 2 for value in found)
            weight += len(found) - 1
        error = math.sqrt(spread / weight * (1 / self.count(sections) + share**2 / self.count(self.whole)))
        return error * next(t for df, t in reversed(T90) if df <= weight)

    def mean(self, sections: Sequence[Section]) -> float:
        found = self.answers[key_of(sections)]
        return math.fsum(found) / len(found)

    def count(self, sections: Sequence[Section]) -> int:
        return len(self.answers.get(key_of(sections), ()))


def key_of(sections: Sequence[Section]) -> Key:
    return tuple((section.name, section.content) for section in sections)

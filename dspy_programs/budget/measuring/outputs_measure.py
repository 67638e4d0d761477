"""The measure by outputs: the target model on examples, a third of them for the search, the others held back.

Input      an OutputsScorer with examples that have different inputs, the rubric and the task for its judge, the threshold.
Output     OutputsMeasure, a Measure (measure.py), and the price of a search.
Raises     UsageError if so many examples cannot prove the threshold, or if the prompt shows them.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence

from dspy_programs.budget.measuring.measure import LEAST, SAME, Confirmed, Kind, Price, Verdict, mean
from dspy_programs.budget.measuring.outputs import OutputsScorer, filled
from dspy_programs.budget.measuring.retention import needed, provable, retained
from dspy_programs.budget.prompts.prompt import joined
from dspy_programs.errors import UsageError
from dspy_programs.types import Rubric, Section

_FOR_SEARCH = 3  # one example in three serves the search
_MOST_FOR_SEARCH = 40
_HELD_BACK = 4  # times as many examples as would prove the threshold if no answer changed, at most
_TELLING = 12  # characters of an input that is in a prompt by no chance
_SEED = 20261129


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
        self._require_telling_answers(text)
        score = mean(self.before)
        if score >= LEAST[self.kind] and provable(math.ceil(score * len(self.held))) < self.threshold:
            rounded = math.floor(100 * provable(math.ceil(score * len(self.held)))) / 100
            raise UsageError(
                f"{self.scorer.name}: the full prompt scores {score:.2f}, so {len(self.held)} held-back examples prove at most "
                f"{rounded:.0%} of the quality: give more examples, or --threshold {rounded:g}"
            )
        return score

    def _require_telling_answers(self, text: str) -> None:
        """Raise UsageError if the reference is the full prompt's own answer, and that is the same for every input."""
        if any(example.wanted for example in self.scorer.examples) or self.scorer.judge:
            return
        inputs = (self.scorer.examples[number].input for number in self.searched)
        answers = {self.scorer.answer(filled(text, value)) for value in inputs}
        if len(answers) == 1 < len(self.searched):
            raise UsageError(
                f"{self.scorer.name}: the full prompt has one answer to all inputs, {answers.pop()[:60]!r}, so a prompt "
                "that says nothing would seem as good; give inputs with different answers, or expected texts"
            )

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
        return Confirmed(mean(whole), mean(new), retained(whole, new))

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

"""Measures: whether a smaller prompt is as good as the full one.

`reaches` is asked again and again while the search goes on, and may be wrong: who looks at many prompts finds one that was
lucky. `confirm` is asked about the prompts that the search ends with, on answers that no one has looked at before: first
about the one that lost nothing, and only if that holds about the one that spends the loss the threshold allows. In this
order, each at its full confidence, the chance of any wrong answer stays that of one (fixed-sequence testing).

OutputsMeasure (outputs_measure.py) asks the target model on examples, AnswersMeasure (answers_measure.py) a scorer of prompts.

Output     Verdict: scores of the candidate and the target. Confirmed: the scores of both prompts with the interval of their
           ratio (90 % between its limits), None where one answer is the whole truth.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from dspy_programs.budget.measuring.retention import Interval
from dspy_programs.errors import UsageError
from dspy_programs.types import Section

SAME = 1e-9  # scores that differ by less are equal
LEAST = {"outputs": 0.2, "opinion": 0.2, "coverage": 0.5}  # score of the full prompt under which a measure is refused

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
    if score >= LEAST[kind]:
        return
    what = {
        "outputs": "the model's answers with the full prompt are mostly wrong: check the examples, or take a stronger model",
        "opinion": "the judge gives the full prompt almost nothing: use a rubric that fits it, or --examples",
        "coverage": "the rubric is mostly about other things than the prompt: use --examples, or a rubric that fits",
    }[kind]
    raise UsageError(f"{name}: the full prompt scores {score:.2f}, too little to measure by (at least {LEAST[kind]}); {what}")


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)

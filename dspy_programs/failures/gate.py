"""Checks for CI: rates that must not be exceeded, and a baseline that must not get worse (baseline.py).

Input      "MODE=RATE" as typed, ANY for all failure modes together, RATE in [0, 1].
Output     Check: a sentence with rate, interval and limit, and whether it passes.
Raises     UsageError for an invalid limit.
"""

from collections.abc import Sequence
from typing import NamedTuple

from dspy_programs.errors import UsageError
from dspy_programs.failures.baseline import GUARDED, Comparison, in_words
from dspy_programs.failures.batch import Batch, Check, Outcome, Share
from dspy_programs.failures.classifier import FailureClassifier


class _Bound(NamedTuple):
    mode: str
    rate: float


def bounds_of(texts: Sequence[str]) -> list[_Bound]:
    """Parse the limits as typed."""
    return [_bound_of(text) for text in texts]


def _bound_of(text: str) -> _Bound:
    mode, equals, rate = text.partition("=")
    mode = mode.strip().upper()
    if not equals or mode not in GUARDED:
        raise UsageError(f"--fail-on {text}: write MODE=RATE, where MODE is one of {', '.join(GUARDED)}")
    try:
        value = float(rate)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"--fail-on {text}: the rate {rate!r} is not a number from 0 to 1; write for example {mode}=0.05")
    return _Bound(mode, value)


class Gate:
    """Completes a batch: with its checks, and with why the model stopped, if it did. One of the batch's sinks."""

    def __init__(self, bounds: Sequence[_Bound], comparison: Comparison | None, classifier: FailureClassifier) -> None:
        self.bounds, self.comparison, self.classifier = bounds, comparison, classifier

    def add(self, outcome: Outcome) -> None:
        if self.comparison:
            self.comparison.add(outcome)

    def check(self, batch: Batch) -> None:
        batch.model_stopped = self.classifier.stopped
        batch.checks = checks_of(batch, self.bounds)
        if self.comparison:
            self.comparison.check(batch)

    def finish(self, batch: Batch) -> None:
        """Nothing: the checks are made."""


def checks_of(batch: Batch, bounds: Sequence[_Bound]) -> list[Check]:
    """Check a batch against its limits."""
    return [_against_bound(bound, batch.share(bound.mode)) for bound in bounds]


def _against_bound(bound: _Bound, now: Share) -> Check:
    holds = now.rate <= bound.rate
    words = "within" if holds else "above"
    return Check(holds=holds, text=f"{bound.mode}: {in_words(now)}, {words} the limit of {bound.rate:.1%}")

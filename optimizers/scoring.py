"""Score a program on rows, and say how sure the figures are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dspy
import numpy as np

from dspy_programs.lm.adapter import CompleteJSONAdapter
from metrics.score import Metric, Score, for_gepa
from optimizers.meter import Meter

RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @property
    def is_noise(self) -> bool:
        """Whether a difference of this size is compatible with no difference."""
        return self.low <= 0 <= self.high


def score_rows(
    program: dspy.Module, rows: Sequence[dspy.Example], metric: Metric, lm: dspy.LM | None, meter: Meter, threads: int = 1
) -> list[Score]:
    """Run the program on every row, in order; with no model, its rules answer. A row whose call failed scores 0 and says why.

    Raises whatever stopped the meter: scores that stand for calls never made are not returned.
    """
    return [as_score(score) for _, score in run_rows(program, rows, for_gepa(metric), lm, meter, threads)]


def run_rows(
    program: dspy.Module,
    rows: Sequence[dspy.Example],
    metric: Callable[..., Any],
    lm: dspy.LM | None,
    meter: Meter,
    threads: int = 1,
) -> list[tuple[dspy.Prediction, Any]]:
    """Return (prediction, what the metric gave) for every row, in order, counted by the meter. Raises as `score_rows`."""

    def counted(gold: dspy.Example, pred: dspy.Prediction, trace: object = None) -> Any:
        meter.count_rollout()
        return metric(gold, pred)

    evaluate = dspy.Evaluate(
        devset=list(rows), metric=counted, num_threads=threads, display_progress=False, max_errors=len(rows) + 1
    )
    with dspy.context(lm=lm, adapter=CompleteJSONAdapter(), disable_history=True):
        results = evaluate(program).results
    if meter.reason is not None:
        raise meter.reason
    return [(pred, score) for _, pred, score in results]


def as_score(score: object) -> Score:
    if isinstance(score, dspy.Prediction):
        return Score(float(score.score), str(score.feedback), dict(score.objective_scores))
    return Score(0.0, "the call failed", {})


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """Return the mean and its percentile bootstrap interval (Efron 1979); for paired rows, give the differences."""
    return bootstrap_of_means([values], seed)


def bootstrap_of_means(samples: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """Return the mean of the samples' means; rows are drawn within each sample: the samples themselves are no draw."""
    generator = np.random.default_rng(seed)
    arrays = [np.asarray(values, dtype=float) for values in samples]
    means = [a[generator.integers(0, len(a), size=(RESAMPLES, len(a)))].mean(axis=1) for a in arrays]
    tail = (1 - CONFIDENCE) / 2 * 100
    low, high = np.percentile(np.mean(means, axis=0), [tail, 100 - tail])
    return Interval(float(np.mean([a.mean() for a in arrays])), float(low), float(high), sum(map(len, arrays)))


def group_interval(tables: np.ndarray, figure: Callable[[np.ndarray], np.ndarray], seed: int = 0) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a figure of the sum of tables, drawing whole tables: one for each group."""
    draws = np.random.default_rng(seed).integers(0, len(tables), size=(RESAMPLES, len(tables)))
    weights = np.stack([np.bincount(draw, minlength=len(tables)) for draw in draws])
    resampled = np.tensordot(weights, tables, axes=1)
    tail = (1 - CONFIDENCE) / 2 * 100
    low, high = np.percentile(figure(resampled), [tail, 100 - tail])
    return float(low), float(high)

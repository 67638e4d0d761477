"""Run a program on rows, score its answers, and compute how certain the scores are.

Only the model's faults are data: an unreadable reply, or a prompt too long for the model, scores 0 with the reason, and so
does an exception that follows from it. Any other exception is a bug in the program or the metric, and stops the run with its
traceback and the row.
"""

import contextvars
import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import dspy
import numpy as np

from dspy_programs.lm import running_on
from dspy_programs.predict import Failure, Program
from dspy_programs.text import shortened
from metrics.score import Metric, Score
from optimizers.calls import Meter
from optimizers.scoring.row_calls import TOO_LONG, UNUSABLE, RowCalls, Trace, calls_of, failure_feedback, failure_of

Step = tuple[str, dict[str, Any], dspy.Prediction]
"""One predictor call: its name in the program ("" if it is not one of the program's), its inputs, its outputs."""

_RESAMPLES = 10_000
_CONFIDENCE = 0.95
_LONGEST_ERROR = 200  # characters
_TOLERANCE = 1e-6  # a weighted sum may exceed 1 in its last digit
_HALF_A_PAIR = "A reply holds half a surrogate pair, which no other call can send on."


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
        return self.rows < 2 or self.low <= 0 <= self.high


@dataclass(frozen=True)
class RowRun:
    """One run of a row: the program's result, its score, its predictors' calls in order, and DSPy's trace of them."""

    row: dspy.Example
    prediction: dspy.Prediction
    score: Score
    steps: Sequence[Step] = field(default=(), repr=False)
    trace: Sequence[Any] = field(default=(), repr=False)


@dataclass(frozen=True)
class Runner:
    """What runs rows: the model, or None for the rules; the meter that counts each row; how many rows run at once."""

    lm: dspy.LM | None
    meter: Meter
    threads: int = 1

    def scores(self, program: dspy.Module, rows: Sequence[dspy.Example], metric: Metric) -> list[Score]:
        """Run the program on every row, in order. Raises as `run` does."""
        return [run.score for run in self.run(lambda row: program, rows, metric)]

    def run(
        self, program_for: Callable[[dspy.Example], dspy.Module], rows: Sequence[dspy.Example], metric: Metric
    ) -> Iterator[RowRun]:
        """Yield each row's run, in order, as soon as it and those before it are done.

        Raises whatever stopped the meter: calls never made get no scores. Raises what the program or the metric raised, with
        a note that names the row.
        """
        with running_on(self.lm), dspy.context(disable_history=True):
            if self.threads == 1:
                for row in rows:
                    yield _run_row(program_for(row), row, metric, self.meter)
                return
            with ThreadPoolExecutor(self.threads) as pool:  # one context per thread: DSPy's settings are stored there
                work = [
                    pool.submit(contextvars.copy_context().run, _run_row, program_for(row), row, metric, self.meter)
                    for row in rows
                ]
                try:
                    for done in work:
                        yield done.result()
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)


def _run_row(program: dspy.Module, row: dspy.Example, metric: Metric, meter: Meter) -> RowRun:
    """Run and score one row. Nothing is run once the meter is stopped."""
    meter.raise_if_stopped()
    with calls_of(row, meter) as calls:
        prediction, trace = _traced(program, row, calls)
        prediction, score = judged(row, prediction, metric, calls)
    failure = failure_in(prediction) or (None if score.value > 0 else calls.first_unread)
    meter.count_metric_call(
        None if failure is None else failure_feedback(failure), refused=failure is not None and TOO_LONG in failure.reason
    )
    return RowRun(row, prediction, score, _steps_of(program, trace), trace)


def _traced(program: dspy.Module, row: dspy.Example, calls: RowCalls) -> tuple[dspy.Prediction, Sequence[Any]]:
    """Run one row; return its answer and DSPy's trace of the predictors' calls."""
    with dspy.context(trace=(trace := Trace())):
        return predicted(program, row, calls), trace.in_order()


def judged(row: dspy.Example, prediction: dspy.Prediction, metric: Metric, calls: RowCalls) -> tuple[dspy.Prediction, Score]:
    """Score an answer. If a reply was unreadable, including one of the metric's own model, the score is 0 with the reason."""
    if isinstance(prediction, Unread):
        return prediction, prediction.score
    try:
        return prediction, checked(metric(row, prediction))
    except UNUSABLE as error:
        failure = failure_of(error)
        prediction = Unread(Failure(reason=f"The metric's own model: {failure.reason}", raw_reply=failure.raw_reply))
    except Exception as error:
        if calls.first_unread is None:
            raise
        prediction = _consequence(error, "metric", calls.first_unread)
    return prediction, prediction.score


def checked(score: Score) -> Score:
    if not -_TOLERANCE <= score.value <= 1 + _TOLERANCE:  # also excludes NaN
        raise ValueError(f"the metric gave {score.value}, and a score is a share in [0, 1]")
    if odd := [name for name, value in score.components.items() if not math.isfinite(value)]:
        raise ValueError(f"the metric gave {score.components[odd[0]]} for {odd[0]!r}; a part of a score is a finite number")
    return score


def _consequence(error: Exception, whose: str, first: Failure) -> "Unread":
    """Attribute an exception to an earlier unusable reply in the same row."""
    raised = shortened(f"{type(error).__name__}: {error}", _LONGEST_ERROR)
    return Unread(Failure(reason=f"{first.reason} Then the {whose} raised {raised}.", raw_reply=first.raw_reply))


def feedback_on(run: RowRun, predictor: str, number: int, metric: Metric, meter: Meter) -> str:
    """Return the metric's feedback on a predictor's call, the `number`-th of the trace; else its feedback on the row."""
    ask = getattr(metric, "feedback_on", None)
    if ask is None or isinstance(run.prediction, Unread):
        return run.score.feedback
    with calls_of(run.row, meter), suppress(*UNUSABLE):
        return ask(run.row, run.prediction, run.trace, predictor, run.trace[number]) or run.score.feedback
    return run.score.feedback


def failure_in(prediction: Any) -> Failure | None:
    """Return the failure that a program reports. A user's own output with that name does not count."""
    failure = getattr(prediction, "failure", None)
    return failure if isinstance(failure, Failure) else None


def _steps_of(program: dspy.Module, trace: Sequence[Any]) -> tuple[Step, ...]:
    """Name the predictors of a trace, including those that ran as copies, as in BestOfN and Refine.

    DSPy's own optimizers go by their signatures, which two predictors may share. A copy keeps its `stage`.
    """
    predictors = program.named_predictors()
    names: dict[Any, str] = {id(predictor): name for name, predictor in predictors}
    stages = Counter(predictor.stage for _, predictor in predictors)  # 2 for a predictor that was itself made as a copy
    names |= {predictor.stage: name for name, predictor in predictors if stages[predictor.stage] == 1}
    return tuple(
        (names.get(id(predictor)) or names.get(getattr(predictor, "stage", None), ""), inputs, outputs)
        for predictor, inputs, outputs in trace
    )


class Unread(dspy.Prediction):
    """Replaces a program's answer if a reply was unreadable. The metric is not called: it would expect fields."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure=failure)

    @property
    def score(self) -> Score:
        return Score(0.0, f"A reply could not be read: {failure_feedback(self.failure)}", {})


def predicted(program: dspy.Module, row: dspy.Example, calls: RowCalls) -> dspy.Prediction:
    """Call the program; a model's fault becomes a prediction with a failure."""
    inputs = dict(row.inputs())
    try:
        return program(**(inputs if isinstance(program, Program) else copy.deepcopy(inputs)))  # a user's may change them
    except UNUSABLE as error:
        return Unread(failure_of(error))
    except Exception as error:
        if isinstance(error, ValueError) and "surrogate" in str(error):
            return Unread(Failure(reason=_HALF_A_PAIR, raw_reply=""))
        if calls.first_unread is None:
            raise
        return _consequence(error, "program", calls.first_unread)


def mean_components(scores: Sequence[Score]) -> dict[str, float]:
    names = dict.fromkeys(name for score in scores for name in score.components)
    return {name: round(float(np.mean([s.components.get(name, 0.0) for s in scores])), 4) for name in names}


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """Return the mean and its percentile bootstrap interval (Efron 1979); for paired rows, give the differences."""
    return bootstrap_of_means([values], seed)


def bootstrap_of_means(samples: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """Return the mean of the samples' means; rows are drawn within each sample: the samples themselves are fixed."""
    generator = np.random.default_rng(seed)
    arrays = [np.asarray(values, dtype=float) for values in samples]
    means = [a[generator.integers(0, len(a), size=(_RESAMPLES, len(a)))].mean(axis=1) for a in arrays]
    tail = (1 - _CONFIDENCE) / 2 * 100
    low, high = np.percentile(np.mean(means, axis=0), [tail, 100 - tail])
    return Interval(float(np.mean([a.mean() for a in arrays])), float(low), float(high), sum(map(len, arrays)))


def group_interval(tables: np.ndarray, figure: Callable[[np.ndarray], np.ndarray], seed: int = 0) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a statistic of the sum of tables, drawing whole tables, one per group."""
    draws = np.random.default_rng(seed).integers(0, len(tables), size=(_RESAMPLES, len(tables)))
    weights = np.stack([np.bincount(draw, minlength=len(tables)) for draw in draws])
    resampled = np.tensordot(weights, tables, axes=1)
    tail = (1 - _CONFIDENCE) / 2 * 100
    low, high = np.percentile(figure(resampled), [tail, 100 - tail])
    return float(low), float(high)

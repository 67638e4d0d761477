"""Run a program on rows, score what comes out, and say how sure the figures are.

Only what the model did is data: a reply that cannot be read, or a prompt that is longer than the model can take, scores 0
and says why. A bug in the program or the metric stops the run, with its traceback and the row.
"""

import contextvars
import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import dspy
import numpy as np
from dspy.utils.exceptions import AdapterParseError, ContextWindowExceededError

from dspy_programs.lm import running_on
from dspy_programs.program import Program
from dspy_programs.reply import Failure, first_line
from metrics.score import Metric, Score
from optimizers.meter import Meter
from optimizers.own_demonstrations import Step

RESAMPLES = 10_000
CONFIDENCE = 0.95
TOO_LONG = "The prompt is longer than the model can take."
TOLERANCE = 1e-6  # a weighted sum may end up a digit beyond 1


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
    """One row run once: what the program gave, its score, and the calls of its predictors in order."""

    row: dspy.Example
    prediction: dspy.Prediction
    score: Score
    steps: Sequence[Step] = field(default=(), repr=False)


def score_rows(
    program: dspy.Module, rows: Sequence[dspy.Example], metric: Metric, lm: dspy.LM | None, meter: Meter, threads: int = 1
) -> list[Score]:
    """Run the program on every row, in order; with no model, its rules answer. Raises as `run_rows` does."""
    return [run.score for run in run_rows(lambda row: program, rows, metric, lm, meter, threads)]


def run_rows(
    program_for: Callable[[dspy.Example], dspy.Module],
    rows: Sequence[dspy.Example],
    metric: Metric,
    lm: dspy.LM | None,
    meter: Meter,
    threads: int = 1,
) -> Iterator[RowRun]:
    """Yield each row's run, in order, as soon as it and those before it are done; the meter counts them.

    Raises whatever stopped the meter: scores that stand for calls never made are not given. Raises what the program or the
    metric raised, with a note that names the row.
    """
    with running_on(lm), dspy.context(disable_history=True):
        if threads == 1:
            for row in rows:
                yield run_row(program_for(row), row, metric, meter)
            return
        with ThreadPoolExecutor(threads) as pool:  # a context for each thread: DSPy's settings live there
            work = [pool.submit(contextvars.copy_context().run, run_row, program_for(row), row, metric, meter) for row in rows]
            try:
                for done in work:
                    yield done.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def run_row(program: dspy.Module, row: dspy.Example, metric: Metric, meter: Meter) -> RowRun:
    """Run and score one row. Nothing is run once the meter is stopped."""
    meter.raise_if_stopped()
    try:
        with dspy.context(trace=[]):
            prediction = predicted(program, row)
            steps = steps_of(program, dspy.settings.trace)
        prediction, score = judged(row, prediction, metric)
        if not -TOLERANCE <= score.value <= 1 + TOLERANCE:  # NaN is not either
            raise ValueError(f"the metric gave {score.value}, and a score is a share in [0, 1]")
    except Exception as error:
        meter.raise_if_stopped()  # what follows from a stop has its reason in the meter
        error.add_note(f"in row {row.get('id')!r}; nothing was scored. Mend the program or the metric, and run it again")
        meter.stop(error)
        raise
    failure = failure_in(prediction)
    meter.count_rollout(None if failure is None else told(failure), refused=getattr(failure, "reason", "") == TOO_LONG)
    return RowRun(row, prediction, score, steps)


def judged(row: dspy.Example, prediction: dspy.Prediction, metric: Metric) -> tuple[dspy.Prediction, Score]:
    """Score an answer. Where a reply could not be read, the metric's own model's too, the score is 0 and says so."""
    if not isinstance(prediction, Unread):
        try:
            return prediction, metric(row, prediction)
        except AdapterParseError as error:
            reason = f"The metric's own model: {first_line(error)}"
            prediction = Unread(Failure(reason=reason, raw_reply=error.lm_response or ""))
    return prediction, prediction.score


def failure_in(prediction: Any) -> Failure | None:
    """Return what a program says it could not read. An output of the user's own that is called so is none."""
    failure = getattr(prediction, "failure", None)
    return failure if isinstance(failure, Failure) else None


def told(failure: Any) -> str:
    reply = str(getattr(failure, "raw_reply", ""))
    return f"{getattr(failure, 'reason', '')} It began: {reply[:200]!r}" if reply else str(getattr(failure, "reason", ""))


def steps_of(program: dspy.Module, trace: Sequence[Any]) -> tuple[Step, ...]:
    """Name the predictors of a trace. DSPy's own optimizers go by their signatures, which two predictors may share."""
    names = {id(predictor): name for name, predictor in program.named_predictors()}
    return tuple((names.get(id(predictor), ""), inputs, outputs) for predictor, inputs, outputs in trace)


class Unread(dspy.Prediction):
    """In the place of a program's answer, where a reply could not be read. No metric is asked: it would look for fields."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure=failure)

    @property
    def score(self) -> Score:
        return Score(0.0, f"The reply could not be read: {told(self.failure)}", {})


def predicted(program: dspy.Module, row: dspy.Example) -> dspy.Prediction:
    """Call the program; what the model did wrong is a prediction that carries a failure."""
    inputs = dict(row.inputs())
    try:
        return program(**(inputs if isinstance(program, Program) else copy.deepcopy(inputs)))  # the user's may change them
    except ValueError as error:
        if "surrogate" not in str(error):
            raise
        return Unread(Failure(reason="A reply holds half a surrogate pair, which no other call can send on.", raw_reply=""))
    except AdapterParseError as error:
        return Unread(Failure(reason=first_line(error), raw_reply=error.lm_response or ""))
    except ContextWindowExceededError:
        return Unread(Failure(reason=TOO_LONG, raw_reply=""))


def mean_components(scores: Sequence[Score]) -> dict[str, float]:
    names = dict.fromkeys(name for score in scores for name in score.components)
    return {name: round(float(np.mean([s.components.get(name, 0.0) for s in scores])), 4) for name in names}


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

"""Adapts a metric written for DSPy to the form that a search uses: (row, prediction) -> Score.

Input      a metric of two arguments, DSPy's three (trace) or GEPA's five; optional ones are omitted, except GEPA's pred_name
           and pred_trace when a proposer asks about a single predictor. It returns a number in [0, 1], a bool,
           `dspy.Prediction(score=..., feedback=...)`, a dict like that, or a Score.
Raises     UsageError if it is not a metric; TypeError, which ends a run, if it returns something else.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsFloat, TypeAlias

import dspy

from dspy_programs.errors import UsageError
from dspy_programs.text import shortened
from metrics.score import Metric, Score

_LONGEST_LABEL = 200  # characters

Call: TypeAlias = tuple[Any, Any, Any]
"""One call of a predictor as DSPy traces it: the predictor, its inputs, its outputs."""
Trace: TypeAlias = Sequence[Call]

UserMetric: TypeAlias = Callable[..., SupportsFloat | Score | dspy.Prediction | Mapping[str, Any]]
"""A user's metric: (row, prediction), and optionally the further arguments that DSPy and GEPA pass."""


def as_metric(metric: UserMetric) -> Metric:
    """Wrap a metric without calling it."""
    if not callable(metric) or isinstance(metric, type):
        raise UsageError(f"metric: {metric!r} is not a function of (row, prediction)")
    if inspect.iscoroutinefunction(metric):
        raise UsageError(f"metric: {name_of(metric)} is async; give a function that returns the score itself")
    return _OwnMetric(metric)


class _OwnMetric:
    """Score a row by a metric; if it takes GEPA's five arguments, also ask it about a single predictor."""

    def __init__(self, metric: UserMetric) -> None:
        self.metric, self.name = metric, name_of(metric)
        given = arguments(metric)
        self.missing = (None,) * (max(2, sum(each.default is each.empty for each in given)) - 2)
        self.knows_predictors = len(given) >= 5 and all(each.default in (each.empty, None) for each in given[2:5])

    def __call__(self, row: dspy.Example, prediction: dspy.Prediction) -> Score:
        return _score_from(self.metric(row, prediction, *self.missing), row, self.name)

    def feedback_on(self, row: dspy.Example, prediction: dspy.Prediction, trace: Trace, predictor: str, call: Call) -> str:
        """Return the metric's feedback on one call of a predictor, as `dspy.GEPA` asks for it; "" if there is none.

        Its score there counts for nothing: a row has one score, that of the whole program.
        """
        if not self.knows_predictors:
            return ""
        found = self.metric(row, prediction, list(trace), predictor, [call])
        if isinstance(found, Score):
            return found.feedback
        return str(found.get("feedback") or "") if isinstance(found, (Mapping, dspy.Prediction)) else ""


def name_of(metric: Any) -> str:
    """Return a metric's name for reports: a function's name, else its class's."""
    return str(getattr(metric, "__name__", type(metric).__name__))


def arguments(metric: UserMetric) -> list[inspect.Parameter]:
    """Return a metric's positional arguments."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [each for each in inspect.signature(metric).parameters.values() if each.kind in positional]


def _score_from(found: Any, row: dspy.Example, name: str) -> Score:
    """Read a metric's result; without feedback, say what was right."""
    if isinstance(found, Score):
        return found
    value: Any
    if isinstance(found, (Mapping, dspy.Prediction)):
        value, feedback = found.get("score"), str(found.get("feedback") or "")
        parts = {str(part): float(share) for part, share in (found.get("objective_scores") or {}).items()}
    else:
        value, feedback, parts = found, "", {}
    try:
        share = float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"the metric {name} returned {found!r}; it must return a number, a bool, or score and feedback"
        ) from None
    return Score(share, feedback or score_feedback(row, share), parts)


def score_feedback(row: dspy.Example, share: float) -> str:
    """Say what a proposer needs to know of a score that came without words."""
    if share >= 1:
        return "Perfect."
    right = "; ".join(
        f"{name}: {shortened(str(value), _LONGEST_LABEL)}" for name, value in row.labels().items() if name != "id"
    )
    return f"It scored {share:.2f} of 1." + (f" Right: {right}" if right else "")

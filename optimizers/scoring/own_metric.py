"""Adapts a metric written for DSPy to the form that a search uses: (row, prediction) -> Score.

Input      a metric of two arguments, DSPy's three (trace) or GEPA's five; optional ones are omitted, except GEPA's pred_name
           and pred_trace when a proposer asks about a single predictor. It returns a number in [0, 1], a bool,
           `dspy.Prediction(score=..., feedback=...)`, a dict like that, or a Score.
Raises     UsageError if it is not a metric; TypeError, which ends a run, if it returns something else.
"""

import copy
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsFloat, TypeAlias

import dspy

from dspy_programs.errors import UsageError
from dspy_programs.text import shortened
from metrics.score import Metric, Score
from optimizers.json_text import as_json

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
    made = _OwnMetric(metric)
    try:
        inspect.signature(metric).bind(None, None, *made.missing)
    except TypeError as error:
        raise UsageError(f"metric: {made.name} cannot be called with a row and a prediction: {error}") from None
    return made


class _OwnMetric:
    """Score a row by a metric; if it takes GEPA's five arguments, also ask it about a single predictor."""

    def __init__(self, metric: UserMetric) -> None:
        self.metric, self.name = metric, name_of(metric)
        given = arguments(metric)
        self.missing = (None,) * (max(2, sum(each.default is each.empty for each in given)) - 2)
        self.knows_predictors = len(given) >= 5 and all(each.default in (each.empty, None) for each in given[2:5])

    def __call__(self, row: dspy.Example, prediction: dspy.Prediction) -> Score:
        return _score_from(self.metric(copy.deepcopy(row), prediction, *self.missing), row, self.name)  # it may change it

    def feedback_on(self, row: dspy.Example, prediction: dspy.Prediction, trace: Trace, predictor: str, call: Call) -> str:
        """Return the metric's feedback on one call of a predictor, as `dspy.GEPA` asks for it; "" if there is none.

        Its score there counts for nothing: a row has one score, that of the whole program.
        """
        if not self.knows_predictors:
            return ""
        found = self.metric(copy.deepcopy(row), prediction, list(trace), predictor, [call])
        if isinstance(found, Score):
            return _sendable(found.feedback)
        return _sendable(found.get("feedback")) if isinstance(found, (Mapping, dspy.Prediction)) else ""


def name_of(metric: Any) -> str:
    """Return a metric's name for reports: a function's name, else its class's."""
    return str(getattr(metric, "__name__", type(metric).__name__))


def arguments(metric: UserMetric) -> list[inspect.Parameter]:
    """Return a metric's positional arguments."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(metric).parameters.values()
    except ValueError as error:  # some of Python's own
        raise UsageError(f"metric: {error}; give a function of (row, prediction)") from None
    return [each for each in parameters if each.kind in positional]


def _score_from(found: Any, row: dspy.Example, name: str) -> Score:
    """Read a metric's result; without feedback, say what was right."""
    value, feedback, parts = found, None, None
    if isinstance(found, Score):
        value, feedback, parts = found
    elif isinstance(found, (Mapping, dspy.Prediction)):
        value, feedback, parts = (found.get(each) for each in ("score", "feedback", "objective_scores"))
    try:
        share = float(value)
        shares = {str(part): float(value) for part, value in dict(parts or {}).items()}
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"the metric {name} returned {shortened(repr(found), _LONGEST_LABEL)}; it must return a number, a bool, or score "
            "and feedback, and objective_scores must be numbers by name"
        ) from None
    return Score(share, _sendable(feedback) or score_feedback(row, share), shares)


def _sendable(feedback: Any) -> str:
    """Return feedback as text that a proposer can be sent: half a surrogate pair in it becomes a question mark."""
    return str(feedback or "").encode("utf-8", "replace").decode()


def score_feedback(row: dspy.Example, share: float) -> str:
    """Say what a proposer needs to know of a score that came without words."""
    if share >= 1:
        return "Perfect."
    labels = json.loads(as_json({name: value for name, value in row.labels().items() if name != "id"}))  # a set in one order
    right = "; ".join(f"{name}: {shortened(str(value), _LONGEST_LABEL)}" for name, value in labels.items())
    return f"It scored {share:.2f} of 1." + (f" Right: {right}" if right else "")

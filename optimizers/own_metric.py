"""Adapts a metric written for DSPy to the one form that a search uses: (row, prediction) -> Score.

Input      a metric of two arguments, DSPy's three (trace) or GEPA's five; optional ones are omitted. It returns a number in
           [0, 1], a bool, `dspy.Prediction(score=..., feedback=...)`, a dict like that, or a Score.
Raises     UsageError if it is not a metric; TypeError, which ends a run, if it returns something else.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import dspy

from dspy_programs.errors import UsageError
from dspy_programs.text import shortened
from metrics.score import Metric, Score

LONGEST_LABEL = 200  # characters


def as_metric(metric: Callable[..., Any]) -> Metric:
    """Wrap a metric without calling it."""
    name = name_of(metric)
    if not callable(metric) or isinstance(metric, type):
        raise UsageError(f"metric: {metric!r} is not a function of (row, prediction)")
    if inspect.iscoroutinefunction(metric):
        raise UsageError(f"metric: {name} is async; give a function that returns the score itself")
    missing = (None,) * (required(metric) - 2)

    def scored(row: dspy.Example, prediction: dspy.Prediction) -> Score:
        return score_from(metric(row, prediction, *missing), row, name)

    return wraps(metric)(scored) if hasattr(metric, "__name__") else scored


def name_of(metric: Any) -> str:
    """Return a metric's name for reports: a function's name, else its class's."""
    return str(getattr(metric, "__name__", type(metric).__name__))


def required(metric: Callable[..., Any]) -> int:
    """Count a metric's required arguments; at least two."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = [each for each in inspect.signature(metric).parameters.values() if each.kind in positional]
    return max(2, sum(each.default is each.empty for each in given))


def score_from(found: Any, row: dspy.Example, name: str) -> Score:
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
    return Score(share, feedback or told(row, share), parts)


def told(row: dspy.Example, share: float) -> str:
    """Say what a proposer needs to know of a score that came without words."""
    if share >= 1:
        return "Perfect."
    right = "; ".join(f"{name}: {shortened(str(value), LONGEST_LABEL)}" for name, value in row.labels().items() if name != "id")
    return f"It scored {share:.2f} of 1." + (f" Right: {right}" if right else "")

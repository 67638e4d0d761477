"""A metric as people write it for DSPy, in the one shape that a search reads: (row, prediction) -> Score.

Input      a metric of two arguments, of DSPy's three (trace) or of GEPA's five; what it may be called without is left out.
           It gives a number in [0, 1], a bool, `dspy.Prediction(score=..., feedback=...)`, a dict like that, or a Score.
Raises     UsageError for what is no metric; TypeError, which ends a run, for a metric that gives something else.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, SupportsFloat, TypeAlias

import dspy

from dspy_programs.errors import UsageError
from dspy_programs.text import shortened
from metrics.score import Metric, Score

LONGEST_LABEL = 200  # characters

OwnMetric: TypeAlias = Callable[..., SupportsFloat | Score | dspy.Prediction | Mapping[str, Any]]
"""A metric as people write it: (row, prediction), with as many more arguments as DSPy and GEPA pass."""


def as_metric(metric: OwnMetric) -> Metric:
    """Wrap a metric; nothing is called."""
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
    """Name a metric in reports: a function's name, else that of its class."""
    return str(getattr(metric, "__name__", type(metric).__name__))


def required(metric: OwnMetric) -> int:
    """Count the arguments a metric cannot be called without; two at least."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = [each for each in inspect.signature(metric).parameters.values() if each.kind in positional]
    return max(2, sum(each.default is each.empty for each in given))


def score_from(found: Any, row: dspy.Example, name: str) -> Score:
    """Read what a metric gave; where it has no words, the feedback says what was right."""
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
        raise TypeError(f"the metric {name} gave {found!r}; it must give a number, a bool or score and feedback") from None
    return Score(share, feedback or told(row, share), parts)


def told(row: dspy.Example, share: float) -> str:
    """Say what a proposer needs to know of a score that came without words."""
    if share >= 1:
        return "Perfect."
    right = "; ".join(f"{name}: {shortened(str(value), LONGEST_LABEL)}" for name, value in row.labels().items() if name != "id")
    return f"It scored {share:.2f} of 1." + (f" Right: {right}" if right else "")

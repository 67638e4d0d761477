"""A score with its reason, and the form that GEPA requires."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import dspy


class Component(NamedTuple):
    """One named part of a score: a value in [0, 1], its weight, what was wrong and what is right ("" if perfect)."""

    name: str
    value: float
    weight: float
    message: str = ""


class Score(NamedTuple):
    """value in [0, 1], 1 is best; feedback tells the reflection model what was wrong and what is right."""

    value: float
    feedback: str
    components: dict[str, float]


Metric = Callable[[dspy.Example, dspy.Prediction], Score]


def composite(components: Sequence[Component]) -> Score:
    """Combine weighted components into one score; the feedback has a line for each imperfect one, worst first."""
    total = sum(component.weight for component in components)
    value = sum(component.value * component.weight for component in components) / total
    faults = sorted((c for c in components if c.message), key=lambda c: (c.value - 1) * c.weight)
    lines = [f"{c.name} {c.value:.2f}: {c.message}" for c in faults]
    return Score(value, "\n".join(lines) or "Perfect.", {c.name: c.value for c in components})


def unreadable(weights: Mapping[str, float], pred: Any, what: str, fault: str, right: str) -> Score:
    """Score 0 for a reply that is not a `what`: its own failure says why, else `fault`; `right` is what was expected."""
    failure = getattr(pred, "failure", None)
    reason = getattr(failure, "reason", None) or fault
    began = str(getattr(failure, "raw_reply", ""))[:200]
    message = f"the reply cannot be read as {what} ({reason}). It began: {began!r}. Right: {right}"
    return composite([Component(name, 0.0, w, message if name == "format" else "") for name, w in weights.items()])


def strings(gold: dspy.Example, field: str) -> list[str]:
    """Return the texts of a label that is a list of them; [] if it is none."""
    value = getattr(gold, field, None)
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, tuple)) else []


def for_gepa(metric: Metric) -> Callable[..., dspy.Prediction]:
    """Give `metric` GEPA's five arguments. The value is the same whichever predictor it is asked about."""

    def gepa_metric(
        gold: dspy.Example,
        pred: dspy.Prediction,
        trace: Any = None,
        pred_name: str | None = None,
        pred_trace: Any = None,
    ) -> dspy.Prediction:
        score = metric(gold, pred)
        return dspy.Prediction(score=score.value, feedback=score.feedback, objective_scores=dict(score.components))

    return gepa_metric

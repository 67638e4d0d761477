"""Does the judge prefer the response that most people preferred, and by a clear margin?

Input      gold: Example with `verdict` ("first", "second" or "tie", the human majority); pred: a QualityJudge's Prediction
           (`verdict`, `overall`, `other_overall`, `scores`, `reason`, `failure`). Any field may be missing or malformed.
Output     Score: agreement, margin, format, each in [0, 1], and a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0; 1.0 exactly for the human verdict with overall
           scores CLEAR apart (equal for a tie). Half of the rows with a winner have it first, so always saying "first"
           scores about half, and always "tie" a quarter. Kappa and its interval are in optimizers/measures/agreement.py.
"""

import math
from typing import Any, TypeGuard

import dspy

from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"agreement": 0.6, "margin": 0.3, "format": 0.1}
VERDICTS = ("first", "second", "tie")
NEAR = 0.25  # for a tie if people chose a winner, and a winner if they chose none
_CLEAR = 0.3  # of the scale: overall scores this far apart differ clearly


def prefers_as_people_do(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score a verdict on two responses against the human majority."""
    wanted = getattr(gold, "verdict", None)
    verdict, failure = getattr(pred, "verdict", None), getattr(pred, "failure", None)
    first, second = share_of(pred, "overall"), share_of(pred, "other_overall")
    if failure is not None or verdict not in VERDICTS or first is None or second is None:
        return unreadable(WEIGHTS, pred, "scores", "there is no verdict with two overall scores in it", right(wanted))
    return composite(
        [
            agreement_component(wanted, verdict),
            _margin_component(wanted, first, second),
            format_component(pred),
        ]
    )


def agreement_component(wanted: Any, verdict: str) -> Component:
    value = 1.0 if verdict == wanted else NEAR if "tie" in (verdict, wanted) else 0.0
    message = f"the verdict is {verdict!r}. Right: {right(wanted)}" if value < 1 else ""
    return Component("agreement", value, WEIGHTS["agreement"], message)


def _margin_component(wanted: Any, first: float, second: float) -> Component:
    """Measure how far apart the scores are in the right direction; for a tie, how close."""
    apart = first - second if wanted == "first" else second - first if wanted == "second" else _CLEAR - abs(first - second)
    value = min(1.0, max(0.0, apart / _CLEAR))
    message = f"the first response has {first:.2f} overall, the second {second:.2f}. Right: {right(wanted)}"
    return Component("margin", value, WEIGHTS["margin"], message if value < 1 else "")


def format_component(pred: dspy.Prediction) -> Component:
    """Check for scores of both responses and a meaningful reason that is not too long."""
    faults = [f"there are no {name}" for name in ("scores", "other_scores") if not _holds_shares(getattr(pred, name, None))]
    reason = getattr(pred, "reason", None)
    if not isinstance(reason, str) or not 0 < len(reason.strip()) <= 100:
        faults.append("there is no reason of 1 to 100 characters")
    return Component("format", 1 / (1 + len(faults)), WEIGHTS["format"], "; ".join(faults))


def right(wanted: Any) -> str:
    if wanted == "tie":
        return "people found both as good: the same scores"
    return f"people found the {wanted} response better: clearly higher scores for it than for the other one"


def share_of(pred: Any, name: str) -> float | None:
    value = getattr(pred, name, None)
    return float(value) if _is_share(value) else None


def _is_share(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1


def _holds_shares(scores: Any) -> bool:
    return isinstance(scores, dict) and bool(scores) and all(_is_share(value) for value in scores.values())

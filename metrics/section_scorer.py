"""Is a prompt's score near its gold score, for the right criteria, with covered ones ranked above dropped ones?

Input      gold: Example with `rubric`, `gold` (criterion -> share covered), `covering` (criterion -> sections that cover
           it), `overall`; pred: a SectionScorer's Prediction (`scores`, `overall`, `failure`). Any field may be missing or
           malformed.
Output     Score: error, agreement, ranking, format, each in [0, 1], and a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0; 1.0 exactly for the reference itself. The
           same score for every criterion gets 0 for agreement and ranking if a row has both covered and dropped ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dspy

from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"error": 0.4, "agreement": 0.3, "ranking": 0.2, "format": 0.1}


def coverage_agrees(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score the coverage of a rubric against the gold coverage."""
    wanted = _shares_of(getattr(gold, "gold", None))
    found = {name: share for name, share in _shares_of(getattr(pred, "scores", None)).items() if name in wanted}
    failure = getattr(pred, "failure", None)
    if failure is not None or not found:
        return unreadable(WEIGHTS, pred, "scores", "it has no score for any criterion", outline(gold, wanted))
    answered = {name: found.get(name, 0.0) for name in wanted}
    return composite(
        [
            _error_component(share_of(getattr(gold, "overall", None)), share_of(getattr(pred, "overall", None))),
            agreement_component(gold, wanted, answered),
            _ranking_component(wanted, answered),
            format_component(wanted, pred),
        ]
    )


def _error_component(wanted: float | None, found: float | None) -> Component:
    """Count the distance twice: half of the range is as bad as all of it."""
    if wanted is None or found is None:
        return Component("error", 0.0, WEIGHTS["error"], f"there is no overall score in [0, 1]; right: {wanted}")
    error = abs(wanted - found)
    value = 1.0 if error < 1e-4 else max(0.0, 1 - 2 * error)  # labels are rounded
    return Component("error", value, WEIGHTS["error"], f"overall {found:.2f}, right {wanted:.2f}" if value < 1 else "")


def agreement_component(gold: dspy.Example, wanted: Mapping[str, float], found: Mapping[str, float]) -> Component:
    """Average the two sides, covered and dropped, so that a constant answer is worth nothing."""
    sides: dict[bool, list[float]] = {True: [], False: []}
    for name, share in wanted.items():
        sides[share >= 0.5].append(1 - abs(share - found[name]))
    means = [sum(side) / len(side) for side in sides.values() if side]
    value = max(0.0, 2 * sum(means) / len(means) - 1)
    wrong = [verdict(gold, name, wanted[name], found[name]) for name in wanted if abs(wanted[name] - found[name]) > 0.01]
    return Component("agreement", value, WEIGHTS["agreement"], "; ".join(wrong))


def _ranking_component(wanted: Mapping[str, float], found: Mapping[str, float]) -> Component:
    """Score the order of pairs with unequal coverage; equal scores are out of order. Without pairs, score the mean error."""
    pairs = [(high, low) for high in wanted for low in wanted if wanted[high] > wanted[low]]
    if not pairs:
        value = 1 - sum(abs(wanted[name] - found[name]) for name in wanted) / len(wanted)
        message = f"all of them are {next(iter(wanted.values())):g}" if value < 1 else ""
        return Component("ranking", value, WEIGHTS["ranking"], message)
    wrong = [f"{high} above {low}" for high, low in pairs if found[high] <= found[low]]
    message = f"should be ranked {', '.join(wrong[:6])}" if wrong else ""
    return Component("ranking", 1 - len(wrong) / len(pairs), WEIGHTS["ranking"], message)


def format_component(wanted: Mapping[str, float], pred: Any) -> Component:
    """Count the criteria without a score in [0, 1], and the scores of criteria that the rubric does not have."""
    scores = getattr(pred, "scores", None)
    given = _shares_of(scores)
    problems = [f"{name} has no score in [0, 1]" for name in wanted if name not in given]
    problems += [f"there is no criterion {str(name)[:60]!r}" for name in scores or {} if name not in wanted]
    return Component("format", 1 / (1 + len(problems)), WEIGHTS["format"], "; ".join(problems[:10]))


def verdict(gold: dspy.Example, name: str, wanted: float, found: float) -> str:
    sections = _names_of(getattr(gold, "covering", None), name)
    if wanted > found:
        return f"{name} is {found:g}, right {wanted:g}: {' and '.join(sections) or 'a section'} asks for it"
    return f"{name} is {found:g}, right {wanted:g}: no section asks for it, at most for something like it"


def outline(gold: dspy.Example, wanted: Mapping[str, float]) -> str:
    covering = getattr(gold, "covering", None)
    return ", ".join(f"{name} {share:g} ({' '.join(_names_of(covering, name)) or 'none'})" for name, share in wanted.items())


def _names_of(covering: Any, name: str) -> Sequence[str]:
    names = covering.get(name) if isinstance(covering, Mapping) else None
    return [str(item) for item in names] if isinstance(names, (list, tuple)) else []


def _shares_of(scores: Any) -> dict[str, float]:
    """Read criterion -> share; anything but a name with a number in [0, 1] is left out."""
    found = {}
    for name, value in scores.items() if isinstance(scores, Mapping) else ():
        share = share_of(value)
        if isinstance(name, str) and share is not None:
            found[name] = share
    return found


def share_of(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None

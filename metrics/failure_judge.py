"""Are the mode and the turn right, and does the cause name what failed?

Input      gold: Example with `mode` (None if unlabelled), `turn` (None for a run without a failure),
           `cause` (a key phrase, "" if there is none), `also` (other verdicts that are right, without a cause) and
           `turns`; pred: a FailureJudge's Prediction. Any field may be missing or malformed.
Output     Score: mode, turn, cause, format, each in [0, 1]; unlabelled ones are left out and the weights of the rest
           are scaled up; a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0; 1.0 exactly for the reference itself; a
           longer cause never scores more than its key words alone; an unknown mode scores 0.
Source     exact and within-tolerance step as in Who&When (Zhang et al. 2025).
"""

import re
from collections.abc import Sequence
from typing import Any, get_args

import dspy
from pydantic import BaseModel

from dspy_programs.types import FailureMode
from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"mode": 0.5, "turn": 0.25, "cause": 0.1, "format": 0.15}
MODES = get_args(FailureMode)
NEAR = 2  # turns
_ENOUGH_WORDS = 40  # of a cause; a longer one loses, so that copying the run does not pay
_TOKEN = re.compile(r"[^\W_]+")


class AcceptedVerdict(BaseModel):
    """Another verdict that a fair reader accepts."""

    mode: FailureMode
    turn: int | None = None


def judge_agrees(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score a verdict against the label, or against the verdict accepted beside it that it is nearest to."""
    others = [gold.copy(mode=other.mode, turn=other.turn, cause="") for other in getattr(gold, "also", None) or []]
    scores = [_agreement(gold, pred), *(_agreement(other, pred) for other in others)]
    return max(scores, key=lambda score: score.value)


def _agreement(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    mode, failure = getattr(pred, "mode", None), getattr(pred, "failure", None)
    if failure is not None or not isinstance(mode, str) or mode not in MODES:
        weights = {name: weight for name, weight in WEIGHTS.items() if _is_labelled(gold, name)}
        fault = f"{str(mode)[:80]!r} is not one of {', '.join(MODES)}"
        return unreadable(weights, pred, "a verdict", fault, outline(gold))
    parts = [
        _mode_component(gold, mode),
        _turn_component(gold, pred),
        _cause_component(gold, pred),
        format_component(gold, pred),
    ]
    return composite([part for part in parts if _is_labelled(gold, part.name)])


def _is_labelled(gold: dspy.Example, name: str) -> bool:
    """Return whether the row has a label for this component. A known failure at an unknown turn leaves out the turn."""
    mode = getattr(gold, "mode", None)
    if name == "mode":
        return mode is not None
    if name == "turn":
        return mode == "none" or getattr(gold, "turn", None) is not None
    return name == "format" or bool(_TOKEN.search(str(getattr(gold, "cause", None) or "")))


def _mode_component(gold: dspy.Example, mode: str) -> Component:
    right = mode == getattr(gold, "mode", None)
    message = "" if right else f"said {mode}. Right: {outline(gold)}"
    return Component("mode", float(right), WEIGHTS["mode"], message)


def _turn_component(gold: dspy.Example, pred: dspy.Prediction) -> Component:
    """1 for the exact turn, 0.5 within two turns of it; if nothing failed, None is right and any number wrong."""
    wanted, turn = getattr(gold, "turn", None), getattr(pred, "turn", None)
    if wanted is None or not is_number(turn):
        value = float(wanted is None and turn is None)
    else:
        value = 1.0 if turn == wanted else 0.5 if abs(turn - wanted) <= NEAR else 0.0
    where = "no turn failed" if wanted is None else f"turn {wanted} failed first"
    return Component("turn", value, WEIGHTS["turn"], "" if value == 1 else f"blamed turn {str(turn)[:20]}; {where}")


def _cause_component(gold: dspy.Example, pred: dspy.Prediction) -> Component:
    """The share of the key phrase's words in the cause, reduced for an overlong cause."""
    wanted = frozenset(tokens(getattr(gold, "cause", "")))
    said = tokens(getattr(pred, "cause", ""))
    share = len(wanted & frozenset(said)) / len(wanted) if wanted else 1.0
    value = share * min(1.0, max(_ENOUGH_WORDS, len(wanted)) / max(1, len(said)))
    message = "" if value == 1 else f"the cause should name, in few words: {str(gold.cause)[:120]}"
    return Component("cause", value, WEIGHTS["cause"], message)


def format_component(gold: dspy.Example, pred: dspy.Prediction) -> Component:
    problems = _format_problems(gold, pred)
    return Component("format", 1 / (1 + len(problems)), WEIGHTS["format"], "; ".join(problems))


def _format_problems(gold: dspy.Example, pred: dspy.Prediction) -> list[str]:
    mode, turn = getattr(pred, "mode", None), getattr(pred, "turn", None)
    problems = []
    if mode == "none" and turn is not None:
        problems.append("the mode is none, but a turn is blamed")
    is_open = mode == "UNKNOWN" and turn is None  # it failed, and nothing says where
    if mode != "none" and not is_open and (not is_number(turn) or turn not in _numbers_of(gold)):
        problems.append("the turn is not the number of a turn of the run")
    cause = getattr(pred, "cause", None)
    if not isinstance(cause, str) or not cause.strip() or len(cause) > 400:
        problems.append("the cause is not a sentence of at most 400 characters")
    confidence = getattr(pred, "confidence", 0.0)
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1:
        problems.append("the confidence is not in [0, 1]")
    return problems


def _numbers_of(gold: dspy.Example) -> Sequence[Any]:
    turns = getattr(gold, "turns", None) or []
    if not isinstance(turns, (list, tuple)):
        return []
    return [turn.get("turn_number") if isinstance(turn, dict) else getattr(turn, "turn_number", None) for turn in turns]


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def tokens(text: Any) -> list[str]:
    return _TOKEN.findall(text.lower()) if isinstance(text, str) else []


def outline(gold: dspy.Example) -> str:
    mode, turn, cause = (getattr(gold, name, None) for name in ("mode", "turn", "cause"))
    parts = [str(mode or "a failure")]
    parts += [f"at turn {turn}"] if turn is not None else []
    parts += [f"({str(cause)[:120]})"] if cause else []
    return " ".join(parts)

"""Is it the tool that answers the query, with arguments that hold what is asked for, and none that nobody gave?

Input      gold: Example with `calls` (list[AcceptedCall], any one of them is right; [] if no tool fits), `targets` (words that
           the arguments must have), `missing` (arguments that the query does not give); pred: an Orchestrator's Prediction
           (`tool`, `arguments`, `missing`, `failure`). Any field of pred may be missing or malformed.
Output     Score: tool (weight 2/3) and arguments (1/3), each in [0, 1], and a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0; the arguments of a wrong tool score 0.
Source     the weights of dspy-code's metric, 1 for a tool that finds something and 0.5 for the targets, divided by 1.5. There
           the tool was run; `tree` finds something for every query, so here it has to be a right tool.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import dspy

from dspy_programs.text import content_stems, stem
from metrics.actor import AcceptedCall, outline
from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"tool": 2 / 3, "arguments": 1 / 3}
_WORDS = frozenset({"question", "task"})  # in anybody's words: only the targets count
_PATTERNS = frozenset({"pattern", "symbol"})
_SIGNS = re.compile(r"\\[bB]|[\\\s\"'()^$]")


def tool_answers(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score the choice of one tool."""
    wanted = [each if isinstance(each, AcceptedCall) else AcceptedCall.model_validate(each) for each in gold.get("calls") or []]
    tool, arguments = getattr(pred, "tool", None), getattr(pred, "arguments", None)
    right = outline(wanted[:1]) if wanted else "no tool"
    if getattr(pred, "failure", None) is not None or not isinstance(tool, str) or not isinstance(arguments, dict):
        return unreadable({**WEIGHTS, "format": 0.0}, pred, "a tool", "it names none", right)
    fitting = [call for call in wanted if call.tool == tool]
    if not fitting and (wanted or tool):
        fault = f"it chooses {tool or 'no tool'}. Right: {right}"
        return composite([Component(name, 0.0, weight, fault if name == "tool" else "") for name, weight in WEIGHTS.items()])
    value, fault = max((_arguments(gold, pred, call, arguments) for call in fitting), default=(1.0, ""))
    told = f"{fault}. Right: {right}" if fault else ""
    return composite([Component("tool", 1.0, WEIGHTS["tool"]), Component("arguments", value, WEIGHTS["arguments"], told)])


def _arguments(gold: dspy.Example, pred: Any, call: AcceptedCall, arguments: Mapping[str, Any]) -> tuple[float, str]:
    """Return the share of what matters that is right: the arguments given, those needed, those to ask for."""
    asked_for = {str(getattr(gap, "argument", gap)) for gap in _listed(getattr(pred, "missing", None))}
    to_ask = {str(name) for name in _listed(gold.get("missing"))}
    needed = {name for name, values in call.accepted.items() if "" not in values}
    faults, shares = [], []
    for name in sorted(needed | to_ask | asked_for | {str(key) for key in arguments}):
        share, fault = 1.0, ""
        if name in to_ask or name in asked_for:
            share = float(name in to_ask and name in asked_for and name not in arguments)
            fault = f"{name} {'is not said: ask for it' if name in to_ask else 'is said'}"
        elif name not in call.accepted:
            share, fault = 0.0, f"{name} is not asked for: leave it out"
        elif name not in arguments:
            share, fault = 0.0, f"{name} is missing"
        elif name in _WORDS:
            lost = _lost(gold, arguments[name])
            share, fault = 1 - len(lost) / max(1, len(_listed(gold.get("targets")))), f"{name} lacks {', '.join(lost)}"
        elif not any(_is_same(name, arguments[name], value) for value in call.accepted[name] if value != ""):
            share, fault = 0.0, f"{name} is {str(arguments[name])[:80]!r}"
        shares.append(share)
        faults += [fault] if share < 1 else []
    return (sum(shares) / len(shares) if shares else 1.0), "; ".join(faults)


def _lost(gold: dspy.Example, said: Any) -> list[str]:
    """Return the targets whose words are not in a text."""
    text = str(said).lower()
    stems = set(content_stems(text))
    return [
        target
        for target in map(str, _listed(gold.get("targets")))
        if target.lower() not in text and not {stem(word) for word in content_stems(target)} & stems
    ]


def _is_same(name: str, value: Any, accepted: Any) -> bool:
    """Compare without case; a path without its last slash; a pattern also without signs of expressions."""
    one, other = str(value).casefold().removeprefix("./").rstrip("/"), str(accepted).casefold().rstrip("/")
    return one == other or (name in _PATTERNS and _SIGNS.sub("", one) == _SIGNS.sub("", other))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else []

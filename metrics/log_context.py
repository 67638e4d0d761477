"""Does the answer say what really went wrong, do its lines prove it, and is all of it in the log?

Input      gold: Example with `context_keywords` (what the context must say; "a|b": one of them) and `key_points_keywords` (what
           the quoted lines must hold; both [] for a log in which nothing went wrong); pred: a LogContext's Prediction
           (`context`, `key_points`, `withdrawn`, `failure`). Any field may be missing or malformed.
Output     Score: context, key_points, faithful, brief, each in [0, 1], and a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0. Where nothing went wrong, any key point scores 0
           and so does a context that speaks of an error. 1.0 only if nothing had to be withdrawn.
Source     dspy-code weighs the two coverages with .5 each; being true and being short are ours.
"""

import re
from collections.abc import Sequence
from typing import Any

import dspy

from dspy_programs.text import sentences, words
from metrics.score import Component, Score, composite, strings, unreadable

WEIGHTS = {"context": 0.4, "key_points": 0.3, "faithful": 0.2, "brief": 0.1}
LONGEST = 90  # words of a context
_WRONG = re.compile(r"\b(?:error|exception|failure|failed|crash\w*|broke\w*|fatal|timed out|refused|denied)\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:no|not|nothing|none|without|never|zero|0)\b", re.IGNORECASE)


def log_is_explained(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score what an answer says of a log."""
    context, points = getattr(pred, "context", None), _texts(getattr(pred, "key_points", None))
    wanted, proofs = strings(gold, "context_keywords"), strings(gold, "key_points_keywords")
    right = f"a context with {', '.join(wanted)} and lines with {', '.join(proofs)}" if wanted else "that nothing went wrong"
    if getattr(pred, "failure", None) is not None or not isinstance(context, str) or points is None:
        return unreadable({**WEIGHTS, "format": 0.0}, pred, "a context with key points", "it has none", right)
    if wanted or proofs:
        parts = [
            _covered("context", wanted, context, "say"),
            _covered("key_points", proofs, "\n".join(points), "quote the line with"),
        ]
    else:
        parts = [_calm(context), _no_points(points)]
    return composite([*parts, _faithful(pred, context, points), _brief(context)])


def _covered(name: str, keywords: Sequence[str], text: str, do: str) -> Component:
    missing = [keyword for keyword in keywords if not holds(text, keyword)]
    value = 1 - len(missing) / len(keywords) if keywords else 1.0
    return Component(name, value, WEIGHTS[name], f"{do} {', '.join(missing)}" if missing else "")


def holds(text: str, keyword: str) -> bool:
    """Return whether a text has one of a keyword's alternatives, not inside of a longer word or number."""
    return any(
        re.search(rf"(?<![^\W_]){re.escape(one)}(?![^\W_])", text, re.IGNORECASE) for one in keyword.split("|") if one.strip()
    )


def _calm(context: str) -> Component:
    claims = [each for each in sentences(context) if _WRONG.search(each) and not _DENIED.search(each)]
    fault = f"nothing went wrong in this log, and it says {claims[0][:120]!r}" if claims else ""
    return Component("context", 0.0 if claims or not context.strip() else 1.0, WEIGHTS["context"], fault)


def _no_points(points: Sequence[str]) -> Component:
    fault = f"nothing went wrong, so quote nothing; it quotes {points[0][:80]!r}" if points else ""
    return Component("key_points", 0.0 if points else 1.0, WEIGHTS["key_points"], fault)


def _faithful(pred: Any, context: str, points: Sequence[str]) -> Component:
    withdrawn = _texts(getattr(pred, "withdrawn", None)) or []
    said = len(sentences(context)) + len(points) + len(withdrawn)
    fault = f"the log does not say {withdrawn[0][:160]!r}" if withdrawn else ""
    return Component("faithful", 1 - len(withdrawn) / said if said else 1.0, WEIGHTS["faithful"], fault)


def _brief(context: str) -> Component:
    length = len(words(context))
    value = min(1.0, LONGEST / length) if length else 1.0
    return Component("brief", value, WEIGHTS["brief"], f"{length} words; at most {LONGEST}" if value < 1 else "")


def _texts(value: Any) -> list[str] | None:
    """Return the texts of a list of texts or of key points; None if it is no list."""
    if not isinstance(value, (list, tuple)):
        return None
    return [str(each if isinstance(each, str) else getattr(each, "text", "")) for each in value]

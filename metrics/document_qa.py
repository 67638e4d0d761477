"""Is the answer right, does it rest on the right words of the document, and is it withheld where the document does not say?

Input      gold: Example with `answers` (accepted ones; [] if the document does not say) and `evidence` (its sentence);
           pred: a DocumentQA's Prediction (`answer`, `quotes`, `failure`). Any field may be missing or malformed.
Output     Score: answer, evidence, abstention, each in [0, 1], and a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0; 1.0 exactly for an accepted answer with its
           sentence quoted, or none where there is none. An answer where there is none scores 0, and so does none where
           there is one.
Source     the answer's F1 of words without articles and punctuation: SQuAD (Rajpurkar et al. 2016).
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import dspy

from dspy_programs.text import containment, f1, words
from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"answer": 0.5, "evidence": 0.2, "abstention": 0.3}
_ARTICLES = frozenset(("a", "an", "the"))
_MARKS = re.compile(r"[^\w\s]")
_ALL = 0.8  # share of the evidence's words in the quotes, from which all of it is quoted


def document_answers(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score an answer against the accepted ones."""
    accepted = [text for text in getattr(gold, "answers", None) or () if isinstance(text, str)]
    answer = getattr(pred, "answer", None)
    right = " or ".join(repr(text) for text in accepted) or "that the document does not say"
    if getattr(pred, "failure", None) is not None or not isinstance(answer, str):
        return unreadable({**WEIGHTS, "format": 0.0}, pred, "an answer", "it has none", right)
    answered = bool(answer.strip())
    if answered != bool(accepted):
        fault = f"it answers {answer[:100]!r}, and the document does not say" if answered else f"no answer; right: {right}"
        return composite(
            [Component(name, 0.0, weight, fault if name == "abstention" else "") for name, weight in WEIGHTS.items()]
        )
    if not accepted:
        return composite([Component(name, 1.0, weight) for name, weight in WEIGHTS.items()])
    value = max(answer_f1(answer, text) for text in accepted)
    evidence = str(getattr(gold, "evidence", ""))
    covered = min(1.0, containment(words(evidence), words(" ".join(_quoted(pred)))) / _ALL)
    return composite(
        [
            Component("answer", value, WEIGHTS["answer"], f"{answer[:100]!r}; right: {right}" if value < 1 else ""),
            Component("evidence", covered, WEIGHTS["evidence"], f"quote {evidence!r}" if covered < 1 else ""),
            Component("abstention", 1.0, WEIGHTS["abstention"]),
        ]
    )


def answer_f1(answer: str, accepted: str) -> float:
    """Return the F1 of their words in [0, 1], without articles and punctuation."""
    return f1(_bag(accepted), _bag(answer))


def _bag(text: str) -> Counter[str]:
    plain = _MARKS.sub("", text.lower()).split()
    return Counter(word for word in plain if word not in _ARTICLES)


def _quoted(pred: Any) -> Iterable[str]:
    quotes = getattr(pred, "quotes", None)
    return [str(getattr(quote, "text", "")) for quote in quotes] if isinstance(quotes, (list, tuple)) else []

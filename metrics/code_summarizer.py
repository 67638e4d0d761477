"""Does the summary say what matters about the code, name nothing that is not in it, and stay short?

Input      gold: Example with `code` and `keywords` (what a summary must say; "a|b": one of them); pred: a CodeSummarizer's
           Prediction (`summary`, `withdrawn`, `failure`). Any field may be missing or malformed.
Output     Score: keywords, faithful, length, each in [0, 1], and a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0. A keyword counts in any of its forms (retry,
           retries) and as a part of a name (`max_retries`).
Source     dspy-code scores the coverage of keywords alone; being true and being short are ours.
"""

import re
from typing import Any

import dspy

from dspy_programs.text import sentences, stem, words
from metrics.score import Component, Score, composite, strings, unreadable

WEIGHTS = {"keywords": 0.6, "faithful": 0.25, "length": 0.15}
LONGEST, MOST_SENTENCES = 90, 4
_QUOTED = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"[A-Za-z_]\w*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")
_COMMON = frozenset("None True False str int float bool bytes list dict set tuple object self if not and or in is".split())


def summary_says_it(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score a summary of code."""
    summary, keywords = getattr(pred, "summary", None), strings(gold, "keywords")
    if getattr(pred, "failure", None) is not None or not isinstance(summary, str):
        return unreadable({**WEIGHTS, "format": 0.0}, pred, "a summary", "it has none", f"one that says {', '.join(keywords)}")
    said = stems_in(summary)
    missing = [keyword for keyword in keywords if not any(stems_in(one) <= said for one in keyword.split("|"))]
    value = 1 - len(missing) / len(keywords) if keywords else 1.0
    return composite(
        [
            Component("keywords", value, WEIGHTS["keywords"], f"say {', '.join(missing)}" if missing else ""),
            _faithful(gold, pred, summary),
            _length(summary),
        ]
    )


def stems_in(text: str) -> set[str]:
    """Return the stems of a text's words, and of the parts of its names."""
    parts = [part for word in re.findall(r"\w+", text) for part in (word, *_HUMP.split(word)) if part]
    return {stem(part) for part in parts}


def _faithful(gold: dspy.Example, pred: Any, summary: str) -> Component:
    known = {*_COMMON, *_NAME.findall(f"{getattr(gold, 'code', '')} {getattr(gold, 'ask', '')}")}
    foreign = [name for span in _QUOTED.findall(summary) for name in _NAME.findall(span) if name not in known]
    value = getattr(pred, "withdrawn", None)
    withdrawn = [str(each) for each in value] if isinstance(value, (list, tuple)) else []
    faults = [f"the code has no {name}" for name in foreign[:2]] + [f"withdrawn: {each[:120]!r}" for each in withdrawn[:2]]
    wrong = len(withdrawn) + bool(foreign)
    share = 1 - wrong / (len(sentences(summary)) + len(withdrawn)) if wrong else 1.0
    return Component("faithful", max(0.0, share), WEIGHTS["faithful"], "; ".join(faults))


def _length(summary: str) -> Component:
    length, many = len(words(summary)), len(sentences(summary))
    value = min(1.0, LONGEST / length, MOST_SENTENCES / many) if length and many else 0.0
    fault = f"{many} sentences of {length} words; at most {MOST_SENTENCES} and {LONGEST}" if length else "it is empty"
    return Component("length", value, WEIGHTS["length"], fault if value < 1 else "")

"""HALLUCINATION: an answer names a day that nothing gave, where the results name others."""

import re
from collections.abc import Sequence

from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.phrases import NUMBER
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View
from dspy_programs.provenance import MONTHS, Sources

_MOST = 20  # of an answer
_LATEST = 10  # results in which another day is looked for
_CONFIDENCE = 0.65
_MONTH = "|".join(sorted((name.capitalize() for name in MONTHS if name.isascii()), key=len, reverse=True))
_DAY = re.compile(
    r"(?<![\d-])\d{4}-\d{2}-\d{2}(?![\d-])"
    rf"|(?<![\d.:])\d{{1,2}}(?:st|nd|rd|th|\.)? (?:of )?(?:{_MONTH})\b(?:,? \d{{4}})?"
    rf"|\b(?:{_MONTH})\.? \d{{1,2}}(?:st|nd|rd|th)?(?![\d:%]|[.,]\d)(?:,? \d{{4}})?"
)
_SENTENCE = re.compile(r"[^.!?\n]*(?:\.\d[^.!?\n]*)*[.!?\n]?")


def days_in(text: str) -> list[str]:
    """Return the days that an answer states: a month and a day at least, in no question."""
    text = text[:LONGEST]
    if not NUMBER.search(text):
        return []
    stated = (match.group() for match in _SENTENCE.finditer(text) if not match.group().endswith("?"))
    return list(dict.fromkeys(day for sentence in stated for day in _DAY.findall(sentence)))[:_MOST]


def date_from_nowhere(view: View, place: int, days: Sequence[str], sources: Sources) -> Finding | None:
    """Return the first day that nothing gave and no arithmetic gives, if a result gave another."""
    for day in days:
        if sources.origin(day, name="date") is None and (told := _another_day(view, place)):
            evidence = f"the answer says {day} where the result says {told}"
            return found("HALLUCINATION", view.number(place), _CONFIDENCE, evidence)
    return None


def _another_day(view: View, place: int) -> str:
    for call in view.latest_calls(place, _LATEST):
        if told := _DAY.search(call.output[:LONGEST]):
            return told.group()
    return ""

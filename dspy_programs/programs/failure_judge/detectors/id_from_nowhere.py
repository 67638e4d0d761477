"""HALLUCINATION: an answer names a number, a reference or a code where the results have another of the same form."""

import re
from collections.abc import Sequence

from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.phrases import NUMBER
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View
from dspy_programs.provenance import Sources

_MOST = 20  # of an answer
_LATEST = 10  # results in which one of the same form is looked for
_ID = re.compile(r"(?<![\w#/.-])(?:#\d{1,9}|[A-Z]{2,6}-?\d{3,12})(?![\w/-])")
_NUMBERED = re.compile(r"#\d{1,9}|\"(?:number|id|iid)\": \"?\d{1,9}\b")
_CONFIDENCE = 0.7


def ids_in(text: str) -> list[str]:
    """Return the references in a text: "#91", "INC0012345", "PL-482"."""
    return list(dict.fromkeys(_ID.findall(text[:LONGEST])))[:_MOST] if NUMBER.search(text[:LONGEST]) else []


def id_from_nowhere(view: View, place: int, ids: Sequence[str], sources: Sources) -> Finding | None:
    """Return the first reference that nothing gave, if a result gave another of its form."""
    for one in ids:
        if sources.origin(one.lstrip("#"), name="id") is None and (told := _of_same_form(view, place, one)):
            evidence = f"the answer says {one} where the result says {told}"
            return found("HALLUCINATION", view.number(place), _CONFIDENCE, evidence)
    return None


def _of_same_form(view: View, place: int, one: str) -> str:
    """Return a reference in the results with the same letters in front, and as many digits."""
    form = re.sub(r"\d", r"\\d", one)
    pattern = _NUMBERED if one[0] == "#" else re.compile(rf"(?<!\w){form}(?!\w)")
    for call in [call for call in view.calls if call.place < place][-1 : -_LATEST - 1 : -1]:
        if told := pattern.search(call.output[:LONGEST]):
            return told.group().replace('"', "")
    return ""

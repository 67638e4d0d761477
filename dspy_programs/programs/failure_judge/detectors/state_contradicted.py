"""HALLUCINATION: an answer tells a state ("shipped", "raining") that excludes the one that the results tell."""

import re

from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View
from dspy_programs.programs.failure_judge.verbs import doing

_LATEST = 10  # results in which a state is looked for
_CONFIDENCE = 0.65
_FAMILIES = (
    "pending shipped|ship delivered|deliver cancelled|canceled|cancel refunded|refund",
    "paid|pay unpaid overdue",
    "approved|approve rejected|reject|denied|deny pending",
    "open closed|close|resolved|resolve",
    "available unavailable sold-out",
    "sunny raining|rainy|rain snowing|snowy|snow cloudy|overcast foggy|fog stormy|thunderstorm",
    "passed|passing failed|failing|failure",
    "delayed|delay on-time cancelled|canceled|cancel",
)  # states of which one thing has one; forms of the same state are joined


def _worded(form: str) -> str:
    return form.replace("-", "[-_ ]")


_STATES = [[state.split("|") for state in family.split()] for family in _FAMILIES]
_FORMS = {form: state for states in _STATES for state in states for form in state}
_TELLS = re.compile(
    rf"\b(?:is|are|was|were|be|been|it's|status:?|state:?|currently|now|and|marked as|weather:?)\s(?:\*\*|\"|')?"
    rf"({'|'.join(map(_worded, _FORMS))})(?![\w-])"
)
_NO_CLAIM = re.compile(
    r"\b(?:if|once|when|can|could|will|would|may|might|should|not|never|no|until|unless|before|after|whether)\b|n't|\?"
)
_SENTENCE_END = re.compile(r"[.!?\n]")


def detect_state_contradicted(view: View) -> Finding | None:
    """The last answer tells one state of a family, and what was said and found before tells only others.

    Only where all calls looked something up: one that did something may have changed the state.
    """
    place = view.said[-1] if view.said else -1
    if place < view.first_call or not (told := _told_in(view.turns[place].content[:LONGEST].lower())):
        return None
    if not all(doing(call.name).looks for call in view.calls):
        return None
    known = _known(view, place)
    for states in _STATES:
        said = [state for state in states if state in told]
        there = [state for state in states if any(_has(known, form) for form in state)] if said else []
        if there and not any(state in there for state in said):
            evidence = f"the answer says {said[0][0]} where the results say {' and '.join(state[0] for state in there)}"
            return found("HALLUCINATION", view.number(place), _CONFIDENCE, evidence)
    return None


def _told_in(answer: str) -> list[list[str]]:
    """Return the states that a text tells as they are: in no question, condition, wish or denial."""
    told = []
    for match in _TELLS.finditer(answer):
        start = max(answer.rfind(mark, 0, match.start()) for mark in ".!?\n") + 1
        end = _SENTENCE_END.search(answer, match.end())
        if not _NO_CLAIM.search(answer[start : end.end() if end else len(answer)]):
            told.append(_FORMS[re.sub(r"[ _]", "-", match.group(1))])
    return told


def _known(view: View, place: int) -> str:
    """What users said, and the names, inputs and results of the calls before a place."""
    calls = view.latest_calls(place, _LATEST)
    return " ".join([view.asked, *(f"{call.name} {call.key[1]} {call.output[:LONGEST]}" for call in calls)]).lower()


def _has(text: str, form: str) -> bool:
    """Whether a text tells a state: neither as the name of a field ("paid": false) nor denied ("not shipped")."""
    denied = r"(?<!not )(?<!no )(?<!n't )(?<!never )"
    return re.search(rf"(?<![a-z]){denied}{_worded(form)}(?![\w-]*[\"']?\s?:)", text) is not None

"""OVER_REFUSAL: a refusal before any tool was tried."""

import re

from dspy_programs.programs.failure_judge.finding import Finding, found, sentence_at
from dspy_programs.programs.failure_judge.phrases import ASKS_BACK, EVADES, HARM, NEEDS_MORE, REFUSAL, SENSITIVE, SENTENCE_END
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View


def detect_over_refusal(view: View) -> Finding | None:
    """A refusal before any tool was tried. Whether refusing something that sounds harmful was right is not for a rule."""
    for place in view.said[:3]:
        if place > view.first_call:
            return None
        text = view.turns[place].content[:300]
        refusal = _refusal_in(text)
        if (match := refusal or EVADES.search(text)) is None:
            continue
        if view.policy.backs(text, view.asked[: 2 * LONGEST]) is not None:
            return None
        confidence = 0.85 if view.tools else 0.6
        if refusal is None or SENSITIVE.search(view.asked[: 2 * LONGEST]) or HARM.search(view.turns[place].content[:LONGEST]):
            confidence = 0.5
        elif view.calls:
            confidence = 0.4  # it was tried after all
        return found("OVER_REFUSAL", view.number(place), confidence, sentence_at(text, match.start()))
    return None


def _refusal_in(text: str) -> re.Match[str] | None:
    """Find a refusal that is not a question for what is missing."""
    match = REFUSAL.search(text)
    if match is None:
        return None
    rest = text[match.end() :]
    asks = NEEDS_MORE.search(SENTENCE_END.split(rest, maxsplit=1)[0]) or ASKS_BACK.search(rest)
    return None if asks else match

"""The document's answer without a model: the sentence that shares most with the question, and in it what was asked for.

Input      document, question.
Output     the answer and the place of its sentence; ("", None) if no sentence shares enough with the question.
Guarantees linear in the document.
Source     rare words weigh more (Sparck Jones 1972); what a question word asks for: Li and Roth 2002, "Learning Question
           Classifiers", its coarse classes.
"""

import math
import re
from collections import Counter

from dspy_programs.programs.document_qa.amounts import LENGTH, LENGTH_OR_TIME, MASS, MEASURE, MONEY, NUMBER, SHARE
from dspy_programs.programs.document_qa.places import Place, sentence_places
from dspy_programs.text import MONTH, content_stems

_MOST = 50  # things of the kind asked for in one sentence
_NEAR = 200  # characters of its part of the sentence, on either side
_LEAST = 0.25  # share of the question's weight in a sentence, below which it is about something else
_DATE = (
    rf"(?:\d{{1,2}} )?{MONTH}(?: \d{{1,2}}\b)?(?:,? \d{{4}})?|\b(?:1\d|20)\d\ds?\b|\b\d{{1,2}}(?:st|nd|rd|th) centur(?:y|ies)"
)
_NAME = r"(?<!^)\b[A-Z][\w'’-]*(?:\s(?:of|the|de|von|van|and|&)(?=\s[A-Z])|\s[A-Z][\w'’-]*)*"
_ASKED_FOR = [
    (re.compile(asked, re.IGNORECASE), kind)
    for asked, kind in (
        (
            r"\bhow much\b.*\b(?:rise|rose|risen|gr[eo]wn?|fall|fell|fallen|drop|increase|decrease|decline|change|reduce|"
            r"higher|lower)",
            SHARE,
        ),
        (
            r"\bhow much\b|\b(?:what|which)\b.{0,60}\b(?:amount|costs?|prices?|fees?|fares?|rent|salary|wages?|budget|revenue|"
            r"turnover|fine|paid|worth)\b",
            MONEY,
        ),
        (r"\bhow (?:far|tall|high|deep|wide)\b", LENGTH),
        (r"\bhow long\b", LENGTH_OR_TIME),
        (r"\bhow heavy\b|\bhow much .*\bweighs?\b", MASS),
        (r"\bhow (?:much|large|big|fast)\b|\bwhat amount\b", MEASURE),
        (r"\bhow (?:many|much|old|long|far|large|tall)\b|\bwhat (?:percent|number|amount)", NUMBER),
        (r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|decade|century)\b", re.compile(_DATE)),
        (r"\b(?:who(?:m|se)?|where)\b", re.compile(_NAME)),
    )
]


_AMOUNTS = (SHARE, MONEY, LENGTH, LENGTH_OR_TIME, MASS, MEASURE)
_PART_ENDS = re.compile(r"[,;:] | and | but | while ")


def answer_by_rules(document: str, question: str) -> tuple[str, Place | None]:
    """Answer with an amount, a date or the name of somebody or somewhere, as asked for; else with the whole sentence."""
    places = list(sentence_places(document))
    stems = [set(content_stems(document[slice(*place)])) for place in places]
    having = Counter(stem for each in stems for stem in each)
    weights = {stem: math.log(1 + len(places) / (1 + having[stem])) for stem in set(content_stems(question))}
    total = sum(weights.values())
    if not places or not total:
        return "", None
    shares = [sum(weights[stem] for stem in each & weights.keys()) / total for each in stems]
    best = max(shares)
    if best < _LEAST:
        return "", None
    nearest = [place for place, share in zip(places, shares, strict=True) if share == best]
    for place in nearest:
        if answer := _asked_for(document[slice(*place)], question):
            return answer, place
    return document[slice(*nearest[0])], nearest[0]


def _asked_for(sentence: str, question: str) -> str:
    """Return the thing of the kind asked for that the question does not say itself: before one of its words, else the first.

    "" without one.
    """
    told, stems = question.lower(), set(content_stems(question))
    for asked, kind in _ASKED_FOR:
        if not asked.search(question):
            continue
        found = [match for match in kind.finditer(sentence) if match.group().lower().strip(" .,") not in told][:_MOST]
        if found:
            found.sort(key=lambda match: stems.isdisjoint(content_stems(sentence[match.end() :][:40])[:1]))
            if kind in _AMOUNTS:  # "the rent is 900 € and heating costs 95 €": each has its own part of the sentence
                found.sort(key=lambda match: -len(stems.intersection(content_stems(_part_with(match, sentence)))))
            return found[0].group().strip(" .,")
    return ""


def _part_with(found: re.Match[str], sentence: str) -> str:
    before = _PART_ENDS.split(sentence[max(0, found.start() - _NEAR) : found.start()])[-1]
    return before + _PART_ENDS.split(sentence[found.start() : found.end() + _NEAR])[0]

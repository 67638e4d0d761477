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

from dspy_programs.programs.document_qa.places import Place, sentence_places
from dspy_programs.text import MONTH, content_stems

_LEAST = 0.25  # share of the question's weight in a sentence, below which it is about something else
_NUMBER = r"(?:[$€£¥]\s?)?\d[\d,.]*\d(?:\s?%|\s(?:percent|million|billion|thousand)\b)?|\b\d\b|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b"  # noqa: E501
_DATE = rf"(?:\d{{1,2}} )?{MONTH}(?: \d{{1,2}})?(?:,? \d{{4}})?|\b(?:1\d|20)\d\ds?\b|\b\d{{1,2}}(?:st|nd|rd|th) centur(?:y|ies)"
_NAME = r"(?<!^)\b[A-Z][\w'’-]*(?:\s(?:of|the|de|von|van|and|&)(?=\s[A-Z])|\s[A-Z][\w'’-]*)*"
_ASKED_FOR = (
    (re.compile(r"\bhow (?:many|much|old|long|far|large|tall)\b|\bwhat (?:percent|number|amount)", re.I), re.compile(_NUMBER)),
    (re.compile(r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|decade|century)\b", re.I), re.compile(_DATE)),
    (re.compile(r"\b(?:who(?:m|se)?|where)\b", re.I), re.compile(_NAME)),
)


def answer_by_rules(document: str, question: str) -> tuple[str, Place | None]:
    """Answer with a number, a date or the name of somebody or somewhere, as asked for; else with the whole sentence."""
    places = list(sentence_places(document))
    stems = [set(content_stems(document[slice(*place)])) for place in places]
    having = Counter(stem for each in stems for stem in each)
    weights = {stem: math.log(1 + len(places) / (1 + having[stem])) for stem in set(content_stems(question))}
    total = sum(weights.values())
    if not places or not total:
        return "", None
    shares = [sum(weights[stem] for stem in each & weights.keys()) / total for each in stems]
    best = max(range(len(places)), key=lambda i: shares[i])
    if shares[best] < _LEAST:
        return "", None
    return _asked_for(document[slice(*places[best])], question), places[best]


def _asked_for(sentence: str, question: str) -> str:
    """Return the thing of the kind asked for that the question does not say itself: before one of its words, else the first."""
    told, stems = question.lower(), set(content_stems(question))
    for asked, kind in _ASKED_FOR:
        if asked.search(question):
            found = [match for match in kind.finditer(sentence) if match.group().lower().strip(" .,") not in told]
            found.sort(key=lambda match: stems.isdisjoint(content_stems(sentence[match.end() :][:40])[:1]))
            return found[0].group().strip(" .,") if found else sentence
    return sentence

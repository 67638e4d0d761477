"""Where a document says something: places in characters, [start, end), of its sentences and of copied words.

Guarantees linear in the document. Words are compared without case, punctuation and line breaks, and all in their order.
"""

import re
from collections import Counter
from collections.abc import Iterator

from dspy_programs.text import SENTENCE_END, content_stems, sentences, words

Place = tuple[int, int]

_SAME = 0.8  # share of a quote's words in one sentence, from which that sentence is what was meant
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d(?:[\d.,]*\d)+")  # of several digits: a small one may be counted, and stand nowhere


def sentence_places(document: str) -> Iterator[Place]:
    """Yield where each sentence is, in order; none of them overlap."""
    end = 0
    for sentence in sentences(document):
        start = document.index(sentence, end)
        end = start + len(sentence)
        yield start, end


def place_of(quote: str, document: str) -> Place | None:
    """Return where the document has these words; if it has not quite these, the sentence that has most of them, or None."""
    wanted = words(quote)
    if not wanted:
        return None
    return _run_of(wanted, document) or _sentence_like(wanted, document)


def foreign_number(answer: str, *sources: str) -> int | None:
    """Return where an answer has a number that stands in none of the texts, None if it has none: a model may remember it."""
    known = {_digits(number) for text in sources for number in _NUMBER.findall(text)}
    return next((each.start() for each in _NUMBER.finditer(answer) if _digits(each.group()) not in known), None)


def only_asks(answer: str, question: str) -> bool:
    """Return whether an answer has no word besides those of the question."""
    return {*words(answer)} <= {*words(question)}


def _digits(number: str) -> str:
    return re.sub(r"[.,]", "", number)


def sentence_with(answer: str, document: str, question: str = "") -> Place | None:
    """Return the sentence with all words of an answer, the one that shares most with the question; None without one."""
    wanted, asked = Counter(words(answer)), set(content_stems(question))
    if not wanted:
        return None
    having = [place for place in sentence_places(document) if wanted <= Counter(words(document[slice(*place)]))]
    return max(having, key=lambda place: len(asked & set(content_stems(document[slice(*place)]))), default=None)


def _run_of(wanted: list[str], document: str) -> Place | None:
    """Return where these words stand one after the other, with a full stop or bracket that ends them."""
    found = [(match.group().lower(), match.start(), match.end()) for match in _WORD.finditer(document)]
    first = wanted[0]
    for i, (word, start, _) in enumerate(found):
        if word == first and [each[0] for each in found[i : i + len(wanted)]] == wanted:
            end = found[i + len(wanted) - 1][2]
            closing = SENTENCE_END.match(document, end)
            return start, closing.end() if closing and closing.group().strip() else end
    return None


def _sentence_like(wanted: list[str], document: str) -> Place | None:
    counted = Counter(wanted)
    shares = {
        place: (counted & Counter(words(document[slice(*place)]))).total() / counted.total()
        for place in sentence_places(document)
    }
    best = max(shares, key=lambda place: shares[place], default=None)
    return best if best is not None and shares[best] >= _SAME else None

"""What a request asks for beyond the calls that are made: a cheap sign, so that a model is asked again only where it helps.

The sign is a number, or a name or quoted text, after "and", "also", "then" or a sentence's end that none of the calls uses,
though one uses what stands before. Of BFCL and ACEBench requests for several calls of which some are made it sees 75 %; where
all calls are made it is wrong in 6 %, which costs a call of the model and nothing else: what comes of it must use what was
left.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from dspy_programs.text import STOPWORDS, stem, words
from dspy_programs.types import Call

_LONGEST = 10_000  # characters of a request
_TOKEN = re.compile(
    r"[\"\u201c\u201e\u00ab](?P<quoted>[^\"\u201c\u201d\u201e\u00ab\u00bb\n]{1,80})[\"\u201d\u201c\u00bb]"
    r"|(?<!\w)'(?P<single>[^'\n]{1,80})'(?!\w)"
    r"|(?<![\w.^/])(?P<number>\d{1,15}(?:,\d{3}){0,4}(?:\.\d{1,15})?)"
    r"|(?P<word>[^\W\d_][\w'\u2019-]{0,60})"
    r"|(?P<end>[.!?;\u3002\uff01\uff1f\n]+(?=\s|$))"
)
_ANDS = frozenset(
    "and also then plus additionally finally secondly next lastly und sowie dann auch y e et puis aussi luego también ainsi "
    "и также".split()
)
_BREAK = re.compile(r",|[^\W\d_]{1,20}")
_FIGURE = re.compile(r"\d{1,15}(?:\.\d{1,15})?")
_FACTORS = (1, 100, 0.01)  # of a number in words and in a call: percent


class _Item(NamedTuple):
    """A piece of a request that a call may use. kind: None for a plain word."""

    text: str
    kind: Literal["number", "text"] | None
    place: int
    end: int
    is_used: bool


def rest_of(task: str, calls: Iterable[Call]) -> str:
    """Return the part of the task that begins with what no call uses, "" if nothing after a conjunction is left."""
    used = _Used(calls)
    kinds: set[str] = set()
    is_apart = False
    first_used = end_of_used = sentence = start = -1
    for item in _items_in(task, used):
        if isinstance(item, int):  # a conjunction, or where a sentence begins
            is_apart, sentence = bool(kinds), item if item > 0 else sentence
        elif item.is_used:
            first_used = item.place if first_used < 0 else first_used
            kinds.update([item.kind or "text", *["number"] * any(map(str.isdigit, item.text))])
            is_apart, end_of_used, start = False, item.end, -1
        elif item.kind in kinds:
            if start < 0:
                start = sentence if sentence > first_used else end_of_used + _first_break(task[end_of_used : item.place])
            if is_apart:
                return task[start:].lstrip(" ,;.!?)\"'\n")
    return ""


def _first_break(text: str) -> int:
    """Return where the first comma or conjunction of a text ends, 0 without one."""
    return next((found.end() for found in _BREAK.finditer(text) if found[0] == "," or found[0].lower() in _ANDS), 0)


def uses_any(call: Call, rest: str, calls: Iterable[Call]) -> bool:
    """Return whether a call uses a number, name or quoted text of the rest that none of the others uses."""
    others, own = _Used(calls), _Used([call])
    left = {item.place for item in _items_in(rest, others) if isinstance(item, _Item) and item.kind and not item.is_used}
    return any(isinstance(item, _Item) and item.is_used and item.place in left for item in _items_in(rest, own))


def _items_in(task: str, used: "_Used") -> Iterator[_Item | int]:
    """Yield the items of a text; 0 for a conjunction; where a sentence begins, its place."""
    opens = True
    for token in _TOKEN.finditer(task[:_LONGEST]):
        word = token["word"]
        if token["end"]:
            opens = True
            yield token.end()
        elif word and word.lower() in _ANDS:
            yield 0
        elif token["number"]:
            opens = False
            yield _Item(token["number"], "number", token.start(), token.end(), used.number(token["number"]))
        else:
            text = token["quoted"] or token["single"] or word
            is_name = not word or (word[0].isupper() and not opens and word.lower() not in STOPWORDS)
            opens = False
            yield _Item(text, "text" if is_name else None, token.start(), token.end(), used.text(text))


class _Used:
    """The stems of the words and the numbers in the arguments of calls."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self.stems: set[str] = set()
        self.numbers: set[float] = set()
        left: list[Any] = [call.arguments for call in calls]
        while left:
            value = left.pop()
            if isinstance(value, (dict, list)):
                left += value.values() if isinstance(value, dict) else value
            elif isinstance(value, str):
                self.stems.update(stem(word) for word in words(value.replace("_", " ")))
                self.numbers.update(map(float, _FIGURE.findall(value)))
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                self.numbers.add(round(abs(value), 9))

    def text(self, text: str) -> bool:
        return any(stem(part) in self.stems for part in words(text) if part not in STOPWORDS)

    def number(self, figure: str) -> bool:
        number = float(figure.replace(",", ""))
        return any(round(number * factor, 9) in self.numbers for factor in _FACTORS)

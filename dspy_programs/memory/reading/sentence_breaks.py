"""Split a message into sentences, one line each. Much faster than text.sentences, and made for what people write in a chat.

Input      a text.
Output     its sentences and lines in order, without control characters; those of more than LONGEST characters in parts that
           end between words, and a word of more than that is only measured: "(5,000 characters)".
           clause_of: the beginning of a sentence that fits, by its clauses; beginning_of: by its words.
Guarantees no cut after an abbreviation, an initial or a list's number; linear; every script.
"""

import re
from collections.abc import Callable

from dspy_programs.text import quantity

LONGEST = 400  # characters of a sentence
_ITEM = re.compile(r"\s*(?:[-*\u2022+]|\d{1,2}[.)])\s")
_PART = re.compile(r"\S{401,}|\S.{0,198}(?!\S)|\S+", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029]+")
_ENDED = (  # each branch starts with the rare part
    r"\s(?:(?<=\n)|(?<=[.!?]\s)(?<!\b[A-Z]\.\s)(?<!\b(?:Mr|Ms|Dr|St|vs|No)\.\s)(?<!\b(?:Mrs|e\.g|i\.e|etc|Inc|Ltd)\.\s)"
    r"(?<!\bProf\.\s)"
    r"(?<!\n\d\.\s)(?<!\n\d\d\.\s)(?<!\A\d\.\s)|(?<=[.!?][\"')]\s))\s*"
)
_MONTHS = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Stock"  # codespell:ignore
_ENDED = rf"(?:{_ENDED})(?!(?<=\d\.\s)(?:{_MONTHS}|[a-zäöü])|(?<=\.\.\s)[a-z])"  # "vom 11. bis 18. Juli", "below... see"
_BREAK = re.compile(_ENDED)
_BREAK_ANY = re.compile(rf"{_ENDED}|(?<=[\u3002\uff01\uff1f])(?![\u300d\u300f\uff09])")


def lines_in(text: str) -> list[str]:
    """Return a text's sentences."""
    found = (_BREAK if text.isascii() else _BREAK_ANY).split(_CONTROL.sub(" ", text))
    if len(text) > LONGEST and any(len(part) > LONGEST for part in found):
        found = [part for sentence in found for part in ([sentence] if len(sentence) <= LONGEST else in_parts(sentence))]
    return [part for part in map(str.strip, found) if part]


def said_in(text: str) -> list[str]:
    """Return a text's sentences; what belongs together in a list is one, as far as that is not too long.

    An item is said with the heading or the words with a colon above it: "Flight 1: - Number: HAT268 - Price: $92".
    """
    if "\n" not in text:
        return lines_in(text)
    found: list[str] = []
    opened, depth = False, 0
    for row in filter(str.strip, text.split("\n")):
        said, inside = lines_in(row), len(row) - len(row.lstrip())
        opens = row.rstrip(" *").endswith(":") or row.lstrip().startswith("#")
        belongs = opened and inside >= depth + opens and _ITEM.match(row) is not None and len(said) == 1
        if belongs and len(found[-1]) + len(said[0]) < LONGEST:
            found[-1] += f" {said[0]}"
        else:
            found += said
            opened, depth = opens, inside
    return found


def first_lines_in(text: str, characters: int) -> tuple[list[str], bool]:
    """Return the sentences of a text's first `characters`, none of them cut, and whether there are more."""
    if len(text) <= characters:
        return lines_in(text), False
    found = lines_in(text[:characters])[:-1]
    return (found, True) if found else ([f"({quantity(len(text), 'character')})"], False)


def in_parts(text: str) -> list[str]:
    """Return a text in parts of about 200 characters that end between words."""
    return [
        part.group() if len(part.group()) <= LONGEST else f"({quantity(len(part.group()), 'character')})"
        for part in _PART.finditer(text)
    ]


_CLAUSE = re.compile(r"(?<=[^\W\d])(?:[,;:] |[\uff0c\uff1b\u3001]| [\u2013\u2014-] )")
_SHORTEST_CLAUSE, _SHORTEST_BEGINNING = 20, 40  # characters


def clause_of(sentence: str, room: int, count: Callable[[str], int], at_colons: bool = True) -> str:
    """Return as many of a sentence's clauses from its beginning as have `room` tokens, marked as cut; "" if none has.

    at_colons: it may end before a colon, which leaves out what was announced.
    """
    for end in reversed([match.start() for match in _CLAUSE.finditer(sentence) if at_colons or match[0] != ": "]):
        if end >= _SHORTEST_CLAUSE and count(part := f"{sentence[:end]} (...)") <= room:
            return part
    return ""


def beginning_of(sentence: str, room: int, count: Callable[[str], int]) -> str:
    """Return as many of a sentence's words from its beginning as have `room` tokens, marked as cut; "" if few have."""
    for end in reversed([match.start() for match in re.finditer(r"(?<=\S)\s", sentence)]):
        if end < _SHORTEST_BEGINNING:
            break
        if count(part := f"{sentence[:end]} (...)") <= room:
            return part
    return ""

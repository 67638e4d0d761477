"""The words of a request: does a tool share one with it, is an argument spoken of, is half of a text there?

Words count by their first letters. A tool that shares none does something else: words that any tool's description has do not
count, and a request in another language than the tool's is not judged. Of 190 BFCL rows that no tool serves this finds half,
of 1,320 right calls it doubts seven (`signing of the Treaty of Lisbon`, by `get_event_date`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from json import loads
from typing import Any

from pydantic import JsonValue
from pydantic_core import to_json

from dspy_programs.provenance import MONTHS, OFFSETS, SPANS, SPELLED, WEEKDAYS
from dspy_programs.schemas import list_of, listed_in, properties_of
from dspy_programs.text import content_stems, words
from dspy_programs.types import Function

_LETTERS = 5  # in which two longer words must agree: "restaurant" and "restaurants", "revenue" and "revenues"
_FEWEST = 2  # English words by which a text is in English
_ENGLISH = frozenset(
    "a an the of to for in on what how and my me with you can which who where when are from does do find is about it this that "
    "want need please would should could your write tell show give get make send add there not at or if".split()
)
_OF_OTHERS = frozenset(  # German, Dutch, French, Spanish, Portuguese, Italian, Danish, Norwegian, Swedish
    "der das und ein eine einen ich mir mich nicht mit für wie von zum zur bitte het een van ik mij naar le les des une et "
    "je moi pour avec que qui los las una por para como uma não che della sono og jeg mig til av på för och att jag ett".split()
)
_OF_ANY_TOOL = frozenset(
    stem[:_LETTERS]
    for stem in content_stems(
        "calculate compute get find retrieve fetch search determine given specific based provide return information detail "
        "list number value result name type set generate create check function user using default optional example format "
        "string integer float boolean parameter required unit"
    )
)
_OF_TIME = frozenset(
    word[:_LETTERS] for word in content_stems(" ".join(["next coming following", *SPANS, *OFFSETS, *WEEKDAYS, *MONTHS]))
)
_OF_ANY_SWITCH = frozenset(
    stem[:_LETTERS] for stem in content_stems("include including whether enable set true false flag return default use option")
)
_IN_WORDS = {
    1: "single only highest lowest best worst latest nearest largest biggest cheapest fastest next daily day week month year",
    4: "quarterly",
    6: "dice die",
    7: "week weeks weekly woche wochen semaine semana settimana",
    10: "decade decades",
    12: "monthly year annual",
    14: "fortnight",
    30: "month months monthly monat mois mes mese",
    52: "deck weekly",
    100: "century centuries",
    365: "year daily annual",
}
"""Numbers that everybody knows to be in a word: the days of a week, the cards of a deck, one of what is highest."""
_NUMBERS_IN = [(word, number) for number, some in _IN_WORDS.items() for word in some.split()] + [*MONTHS.items()]
_FIGURE = re.compile(r"(?<![\d.:/-])\d{1,15}(?:\.\d{1,15})?(?![\d:/-])")
_LETTERS_ALONE = re.compile(r"[^\W\d_]+(?:,? [^\W\d_]+){0,5}")
_PLACE = re.compile(
    r"\b(?:in|nach|von|aus|bei|naar|te|à|en|de|vers|para|desde|hacia|a|di|da|til|i|från|till)\s(?=[^\W\d_])[^a-zß-ÿ\W]\w"
    r"|[\u0370-\u1fff\u3040-\u9fff\uac00-\ud7af]{2}"  # Greek, Cyrillic, Hebrew, Arabic, Indic; Chinese, Japanese, Korean
)
_NAME = re.compile(r"[^\W\d_a-zß-ÿ]|\d|@")  # a capital letter, or one of a script without them
_LONGEST = 20_000  # characters of a text that are compared
_MOST_PARTS = 500  # schemas of one tool whose words count
_JOINED = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=\d)(?=[a-z])|[._/-]")


class Wording:
    """The words of what is asked and said."""

    def __init__(self, text: str) -> None:
        self.text = text = text[-_LONGEST:]
        self.is_english = _is_english(text)
        self.beginnings = _beginnings(text)
        self.names_a_place = _PLACE.search(text) is not None
        there = frozenset(words(text))
        in_words = [float(number) for word, number in _NUMBERS_IN if word in there]
        self.figures = frozenset([*map(float, _FIGURE.findall(text)), *in_words])
        self.is_without_numbers = not _FIGURE.search(text) and not any(SPELLED[word] > 1 for word in there & SPELLED.keys())

    def is_foreign_to(self, tool: Function) -> bool:
        """Return whether the tool, with all that its schema says, shares no word with this text."""
        beginnings, is_english = _words_of(tool.name, tool.description, to_json(tool.parameters))
        return self.is_english and is_english and beginnings.isdisjoint(self.beginnings)

    def names_all(self, values: Iterable[JsonValue]) -> bool:
        """Return whether all these values are said here, and one of them by name: a name, an address, a figure.

        "How warm is it in Oslo?" has no word of `get_weather`, and gives its city all the same.
        """
        texts = [value for value in values if isinstance(value, str)]
        by_name = any(_NAME.search(value) is not None and value in self.text for value in texts)
        return by_name and all(self.says_part_of(value, may_translate=False) for value in texts)

    def names_something(self, tool: Function) -> bool:
        """Return whether a word is here that is neither the tool's own nor one of time: it may be what a code stands for."""
        beginnings, _ = _words_of(tool.name, tool.description, to_json(tool.parameters))
        return bool(self.beginnings - beginnings - _OF_ANY_TOOL - _OF_TIME)

    def says_part_of(self, value: JsonValue, may_translate: bool) -> bool:
        """Return whether half of a text's words are here, as the city to which its state is added, or a number's figures.

        may_translate: in another language than English a word may be a translation, and so may a name where one is said: "in
        Wien" is Vienna; in another script any is.
        """
        if isinstance(value, (int, float)):
            return value in self.figures
        if not isinstance(value, str) or not (beginnings := _beginnings(value[:_LONGEST])):
            return False
        if may_translate and not self.is_english and _LETTERS_ALONE.fullmatch(value):
            if value.islower() or self.names_a_place:
                return True
        return 2 * len(beginnings & self.beginnings) >= len(beginnings)

    def speaks_of(self, name: str, schema: Mapping[str, Any], tool: Function) -> bool:
        """Return whether an argument is spoken of: by its name, or by what its description says beyond the tool's own."""
        if not (own := _beginnings(name) - _OF_ANY_SWITCH).isdisjoint(self.beginnings):
            return True
        told = _beginnings(str(schema.get("description", "")))
        return not (told - own - _OF_ANY_SWITCH - _beginnings(f"{tool.name} {tool.description}")).isdisjoint(self.beginnings)


@lru_cache(maxsize=1024)
def _words_of(name: str, description: str, parameters: bytes) -> tuple[frozenset[str], bool]:
    text = "\n".join([name, description, *_texts_in(loads(parameters))])[:_LONGEST]
    return _beginnings(text) - _OF_ANY_TOOL, _is_english(text)


def _beginnings(text: str) -> frozenset[str]:
    return frozenset(stem[:_LETTERS] for stem in content_stems(_JOINED.sub(" ", text)))


def _is_english(text: str) -> bool:
    found = frozenset(words(text))
    return len(_ENGLISH & found) >= _FEWEST and found.isdisjoint(_OF_OTHERS)


def _texts_in(root: Any) -> Iterator[str]:
    """Yield the names, descriptions and listed values in a schema."""
    left = [root]
    for _ in range(_MOST_PARTS):
        if not left:
            return
        schema = left.pop()
        if not isinstance(schema, Mapping):
            continue
        yield from properties_of(schema)
        yield str(schema.get("description", ""))
        yield from map(str, listed_in(schema) or ())
        left += [schema.get("items"), *(part for key in ("anyOf", "oneOf", "allOf") for part in list_of(schema, key))]
        left += [part for key in ("properties", "$defs") if isinstance(schema.get(key), dict) for part in schema[key].values()]

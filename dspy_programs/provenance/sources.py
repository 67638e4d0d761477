"""The provenance index: everything that a run has shown so far, and where a value comes from.

Input      add: a text or JSON value, its turn, and who said it. origin: a value, its JSON schema and its argument's name.
Output     Origin, or None where a value comes from nowhere.
Guarantees no model, no file; linear in what is added, and a look-up in bounded time; never raises, whatever the value.
           An agent's own words count only after its user has answered, who then let them stand, and its ids and e-mail
           addresses never: an id that only the agent wrote is invented.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal, NamedTuple

from pydantic import JsonValue

from dspy_programs.provenance.codes import is_known_code
from dspy_programs.provenance.kinds import Kind, kind_of
from dspy_programs.provenance.leaves import leaves_of
from dspy_programs.provenance.moments import Moments
from dspy_programs.provenance.numbers import USER, Numbers, Reading, reading_of_number, readings_in
from dspy_programs.provenance.words import Words, folded, runs_of
from dspy_programs.schemas import items_of, listed_in, properties_of

_SHOWN = 60  # characters of a source
_MOST_SHOWN = 2000  # characters of a turn
_LONGEST = 4000  # characters of a value that are looked up
_LONGEST_WHOLE = 200
_LATEST_CLOCK = 2400
_MOST_LEAVES = 2000  # of a list or an object
_GENERIC = frozenset(
    "all any none null default auto automatic true false yes no asc desc ascending descending latest newest oldest recent "
    "relevance relevant date time name id type status json text html csv markdown utf-8 get post main user self me".split()
)
_LONGEST_LONE = 30  # characters
_LONE_NUMBER = re.compile(r"\s*-?(?:[1-9][\d,]*|0)(?:\.\d+)?\s*")
_OWN_CHOICE = re.compile(
    r"limit|page|offset|size|top_?k|max|min_?len|timeout|results|depth|verbos|format|sort|order_?by|retries|radius|temperature"
    r"|line|^n$|^k$",
    re.IGNORECASE,
)
_INVENTED = re.compile(
    r"[^\s@]{1,64}@[^\s@]{1,190}|\b(?=[\w#-]{0,60}\d)(?=[\w#-]{0,60}[^\W\d])[\w#-]{2,80}|\d{5,}"
)  # ids and e-mail addresses in what an agent says

Role = Literal["system", "user", "agent", "tool"]


class Origin(NamedTuple):
    """Where a value comes from. turn: its source's, None for a schema, arithmetic or common knowledge. text: its words."""

    kind: Literal["seen", "computed", "default", "enum", "generic", "code"]
    turn: int | None
    text: str


class Sources:
    """Everything that a run has shown so far, by turn."""

    def __init__(self, today: date | None = None) -> None:
        self._proposed: list[tuple[JsonValue, int]] = []  # what the agent said, until the user answers
        self._texts: list[tuple[str, int, str]] = []
        self._heard: set[str] = set()  # what is said again is read once
        self._whole: dict[str, int] = {}  # what stood alone, as in JSON
        self._shown: dict[int, tuple[str, str]] = {}  # the beginning of a turn, and in lower case
        self._all_numbers, self._all_words, self._all_moments = Numbers(), Words(), Moments(today)
        self._words_read = self._numbers_read = self._moments_read = 0  # how many texts each has read: at the first need

    def add(self, value: JsonValue, turn: int, role: Role) -> None:
        """Add what stands in a text or a JSON value. Turns come in order."""
        if role == "agent":
            self._proposed.append((value, turn))
            return
        if role == "user" and self._proposed:
            for said, place in self._proposed:
                self._take(_INVENTED.sub(" ", said) if isinstance(said, str) else said, place, f"agent {place}")
            self._proposed.clear()
        self._take(value, turn, USER if role == "user" or _is_lone_number(value) else f"{role} {turn}")

    def _take(self, value: JsonValue, turn: int, pool: str) -> None:
        found = leaves_of(value)
        self._whole.update(
            dict.fromkeys({text for text in found.texts if len(text) <= _LONGEST_WHOLE} - self._whole.keys(), turn)
        )
        for key, numbers in found.numbers.items():
            self._all_numbers.add(numbers, turn, USER if pool == USER else key)
        self._all_numbers.count(max(found.counts, default=0))
        text = "\n".join(found.texts)
        if text and text not in self._heard:
            self._heard.add(text)
            self._texts.append((folded(text), turn, "" if found.counts and pool != USER else pool))
            if turn not in self._shown:
                self._shown[turn] = text[:_MOST_SHOWN], text[:_MOST_SHOWN].lower()

    @property
    def _words(self) -> Words:
        for text, turn, _ in self._texts[self._words_read :]:
            self._all_words.read(text, turn)
        self._words_read = len(self._texts)
        return self._all_words

    @property
    def _numbers(self) -> Numbers:
        for text, turn, pool in self._texts[self._numbers_read :]:
            self._all_numbers.read(text, turn, pool)
        self._numbers_read = len(self._texts)
        return self._all_numbers

    @property
    def _moments(self) -> Moments:
        for text, turn, _ in self._texts[self._moments_read :]:
            self._all_moments.read(text, turn)
        self._moments_read = len(self._texts)
        return self._all_moments

    def origin(self, value: JsonValue, schema: Mapping[str, JsonValue] | None = None, name: str = "") -> Origin | None:
        """Return where a value comes from: of a list or an object the first leaf's origin, None if any leaf has none.

        Args:
            value: What a call or an answer contains.
            schema: The value's JSON schema, whose defaults and listed values are sources too.
            name: The argument's name: a date, a limit or a code is recognised by it.
        """
        if not isinstance(value, (dict, list)):
            return self._of_scalar(value, schema or {}, name)
        first: Origin | None = None
        left: list[tuple[JsonValue, Mapping[str, JsonValue], str]] = [(value, schema or {}, name)]
        for _ in range(_MOST_LEAVES):
            if not left:
                break
            inner, own, called = left.pop()
            if isinstance(inner, dict):
                known = properties_of(own)
                left += [(each, _mapping(known.get(key)), str(key)) for key, each in reversed(inner.items())]
            elif isinstance(inner, list):
                item = _mapping(items_of(own)[1])
                left += [(each, item, called) for each in reversed(inner)]
            elif (found := self._of_scalar(inner, own, called)) is None:
                return None
            else:
                first = first or found
        return first or Origin("generic", None, "nothing is in it")

    def _of_scalar(self, value: JsonValue, schema: Mapping[str, JsonValue], name: str) -> Origin | None:
        kind = kind_of(value, name, schema)
        if kind == "nothing":
            return Origin("generic", None, "nothing")
        if isinstance(value, bool):
            return Origin("default" if schema.get("default") is value else "enum", None, str(value).lower())
        text = str(value).strip()[:_LONGEST]
        if (turn := self._whole.get(text)) is not None:
            return Origin("seen", turn, self._excerpt(turn, text))
        if found := self._seen(value, text, kind) or _of_schema(value, schema) or self._computed(value, text, kind):
            return found
        if text.lower() in _GENERIC or not any(map(str.isalnum, text)):
            return Origin("generic", None, text[:_SHOWN])
        if isinstance(value, (int, float)) and (value in (0, 1, -1) or (abs(value) <= 1000 and _OWN_CHOICE.search(name[-60:]))):
            return Origin("generic", None, f"{name[-60:] or text} is for the caller to choose")
        return Origin("code", None, text) if is_known_code(text, schema, name) else None

    def _seen(self, value: JsonValue, text: str, kind: Kind) -> Origin | None:
        if kind == "moment":
            told = self._moments.origin_of(folded(text))
            if told is None and (turn := self._words.turn_of_all(text)) is not None:  # "2 weeks", "Windows 10"
                told = True, turn
            return None if told is None else Origin("seen" if told[0] else "computed", told[1], self._excerpt(told[1], text))
        if kind == "e-mail":
            turn = self._words.turn_of_emails(folded(text))
        elif kind == "number" and isinstance(value, (int, float)):
            turn = self._number_turn(value)
        elif kind == "number":
            found = (self._number_turn(reading.value) for reading in readings_in(folded(text)))
            turn = next((place for place in found if place is not None), None)
        elif kind == "id":
            turn = self._words.turn_of_all(text)
            turn = self._turn_of_parts(text) if turn is None else turn
        else:
            turn = self._words.turn_of_most(text)
        return None if turn is None else Origin("seen", turn, self._excerpt(turn, text))

    def _turn_of_parts(self, text: str) -> int | None:
        """Return the turn that showed the parts of an id one after the other; out of any parts an id is invented."""
        id_ = "".join(runs_of(folded(text)))
        turn = self._words.turn_of_parts(id_)
        return turn if turn is not None and id_ in "".join(runs_of(self._shown.get(turn, ("", ""))[1])) else None

    def _number_turn(self, figure: float) -> int | None:
        if figure == int(figure) and (turn := self._words.turn_of_run(str(int(abs(figure))))) is not None:
            return turn
        if (turn := self._words.turn_of_spelled(figure)) is not None:
            return turn
        turn = self._numbers.turn_of(figure)
        may_be_clock = turn is None and 0 <= figure < _LATEST_CLOCK
        return self._moments.turn_of_clock(figure) if may_be_clock else turn

    def _computed(self, value: JsonValue, text: str, kind: Kind) -> Origin | None:
        if kind != "number":
            return None
        numbers, is_share = self._numbers, text.endswith(("%", "percent"))
        if any(numbers.is_rounded(one) or numbers.is_computed(one.value, is_share) for one in _readings(value, text)):
            return Origin("computed", None, f"{text[:_SHOWN]} follows from figures that were seen")
        return None

    def _excerpt(self, turn: int | None, text: str) -> str:
        """Return the source's words around a value, or else the value."""
        shown, low = ("", "") if turn is None else self._shown.get(turn, ("", ""))
        place = low.find(text[:20].lower())
        if place < 0:
            return text[:_SHOWN]
        return " ".join(shown[max(0, place - 15) : place + _SHOWN - 15].split())


def _readings(value: JsonValue, text: str) -> list[Reading]:
    return [reading_of_number(value)] if isinstance(value, (int, float)) else readings_in(folded(text))


def _is_lone_number(value: JsonValue) -> bool:
    """Return whether a result is nothing but a number, as a calculator's: one calculates on with it, as with the user's."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_LONE and _LONE_NUMBER.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _mapping(schema: object) -> Mapping[str, JsonValue]:
    return schema if isinstance(schema, dict) else {}


def _of_schema(value: JsonValue, schema: Mapping[str, JsonValue]) -> Origin | None:
    if not schema:
        return None
    if "default" in schema and schema["default"] == value:
        return Origin("default", None, str(value)[:_SHOWN])
    allowed = listed_in(schema)
    if allowed is not None and value in allowed:
        return Origin("enum", None, str(value)[:_SHOWN])
    return None

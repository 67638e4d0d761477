"""Choose the pieces of a note and write it: open requests, deeds, decisions, then what is worth most for its tokens.

Input      units, each with its pieces (pieces.py) and a weight; known: what is stated elsewhere; room: tokens.
Output     a Note: its text, and which pieces of which units it has.
Guarantees at most `room` tokens by `size`, or no text at all; time order; an open request is whole if it fits; no piece that
           states nothing is chosen while a unit that states something new has none.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain
from operator import mul
from typing import NamedTuple

from dspy_programs.memory.changes import Strategy
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.deed_lines import Deed, together
from dspy_programs.memory.reading.pieces import Piece, Rank, lines_of
from dspy_programs.memory.reading.salience import Reading, stated_in
from dspy_programs.memory.reading.sentence_breaks import clause_of
from dspy_programs.memory.reading.talk import densities

SPARE = 1.6  # the estimate of a piece's tokens is high, so this much more is picked, then cut by the exact count
_ROUNDS = 5
DEED_SHARE = 0.5  # of the room beside open requests: deeds that take more are told in fewer words
_OPENING = 4  # tokens of a deed's head
_PART = 8  # tokens from which a part of a sentence is worth adding
_MARK = 6  # tokens for counting what a line leaves out, about
DECISION_SHARE = 0.5  # of the room that open requests and deeds leave

WANTED_WORTH = 2.0
_WORD = re.compile(r"[^\W\d_]{4,}|\w*\d\w*|[A-Z]{2,}")

Place = tuple[int, int]  # unit, piece
Counting = Callable[[str], int]  # a text's tokens


def words_of(text: str) -> set[str]:
    """Return a text's words that may tell what it is about: long ones, and those with digits or in capitals."""
    return {word.lower() for word in _WORD.findall(text)}


class Told(NamedTuple):
    """A unit that a note may tell of."""

    entries: Sequence[MemoryEntry]
    pieces: Sequence[Piece]
    weight: float
    places: Sequence[int]
    """Which units these are, in time order."""
    way: Strategy | None = None
    """The strategy of a model's text."""


class Note(NamedTuple):
    text: str = ""
    chosen: dict[int, set[int]] = {}  # noqa: RUF012 # never changed
    """Unit -> numbers of its pieces."""


class Pool:
    """Units that a note may tell of, read together once."""

    def __init__(self, told: Sequence[Told], is_talk: bool = False, wanted: Collection[str] = ()) -> None:
        """told: in time order; wanted: words of what is asked for: sentences of pages with them are worth more."""
        self.told, self.is_talk = told, is_talk
        self.places = [(unit, number) for unit, one in enumerate(told) for number in range(len(one.pieces))]
        self.pieces = [piece for one in told for piece in one.pieces]
        weights = [one.weight * piece.worth for one in told for piece in one.pieces]
        self.reading = Reading([piece.text for piece in self.pieces], list(map(mul, self._wanted(wanted), weights)))
        self._starts = [0, *accumulate(len(one.pieces) for one in told)]

    def _wanted(self, wanted: Collection[str]) -> list[float]:
        """Return a factor for each piece: the rarer its words that are wanted, the more."""
        pages = [piece.text if piece.line.noun in ("sentence", "") and not self.is_talk else "" for piece in self.pieces]
        shared = [[word for word in words_of(text) if word in wanted] for text in pages]
        times = Counter(word for words in shared for word in words)
        return [1 + WANTED_WORTH * min(1.0, sum(times[word] ** -0.5 for word in words)) for words in shared]

    @cached_property
    def telling(self) -> list[bool]:
        """Whether each piece states something."""
        if self.is_talk:
            return [True] * len(self.pieces)
        return [piece.rank is not Rank.ORDINARY or self.reading.telling(number) for number, piece in enumerate(self.pieces)]

    def best(self, numbers: Iterable[int], tokens: int, known: set[str]) -> list[int]:
        """Return the best of some pieces within about `tokens` tokens; `known` as in Reading.best."""
        if not self.is_talk:
            return self.reading.best(numbers, tokens, known)
        chosen = []
        for number in sorted(numbers, key=lambda number: -self._densities[number]):
            tokens -= self.reading.tokens(number)
            if tokens < 0:
                break
            chosen.append(number)
        return chosen

    @cached_property
    def _densities(self) -> list[float]:
        return list(map(mul, densities([piece.text for piece in self.pieces]), self.reading.weights))

    def tells(self, unit: int, chosen: Iterable[int]) -> bool:
        """Return whether all chosen pieces of a unit state something."""
        return all(self.telling[self._starts[unit] + number] for number in chosen)


class Selection:
    """The pieces of some units of a pool in the order in which they are chosen."""

    def __init__(
        self,
        pool: Pool,
        units: Collection[int],
        elsewhere: set[str],
        room: int,
        count: Counting,
        furthest: Strategy = "archive",
    ) -> None:
        self.pool, self._room, self._count, self._known = pool, room, count, set(elsewhere)
        self._ranks: dict[Rank, list[int]] = {rank: [] for rank in Rank}
        for number, (place, piece) in enumerate(zip(pool.places, pool.pieces, strict=True)):
            if place[0] in units:
                self._ranks[piece.rank].append(number)
        self.told = list(pool.told)
        self._texts: dict[int, str] = {}
        asked = self._asked()
        newest = max((pool.places[number][0] for number in asked), default=0)
        last = [number for number in asked if pool.places[number][0] == newest]
        self._asked_last = [pool.places[number] for number in last]
        self._required = [*last, *self._deeds()[::-1], *(number for number in asked if number not in last)]
        if furthest != "archive":
            self._required += self._one_of_each(units, facts_only=furthest == "extract_facts")

    def _asked(self) -> list[int]:
        """Return the open requests, what asks most first."""
        return sorted(self._ranks[Rank.OPEN_REQUEST], key=lambda number: (-self.pool.pieces[number].worth, number))

    def _deeds(self) -> list[int]:
        """Return the deeds that are told, as briefly as needed; one may stand for others."""
        numbers = self._ranks[Rank.DEED]
        deeds = [(piece.line.head, piece.deed or Deed(piece.text, ())) for piece in map(self.pool.pieces.__getitem__, numbers)]
        room = self._room - sum(map(self._tokens, self._ranks[Rank.OPEN_REQUEST]))
        texts = together(deeds, DEED_SHARE * room, room, lambda text: self._count(text) + _OPENING)
        told = sorted(texts)
        self._texts = {numbers[place]: texts[place] for place in told}
        for number, text in self._texts.items():
            unit, piece = self.pool.places[number]
            one = self.told[unit]
            if one.pieces[piece].text != text:
                pieces = list(one.pieces)
                pieces[piece] = pieces[piece]._replace(text=text)
                self.told[unit] = one._replace(pieces=pieces)
        return [numbers[place] for place in told]

    def _tokens(self, number: int) -> int:
        """Return a piece's tokens as it is told, the head of a deed's line with them."""
        unit, piece = self.pool.places[number]
        return self._count(self.told[unit].pieces[piece].text) + (_OPENING if number in self._texts else 1)

    def _one_of_each(self, units: Collection[int], facts_only: bool) -> list[int]:
        """Return the best piece of each unit that has none among the required; facts_only: of each that states something."""
        pool, densities = self.pool, self.pool.reading.densities()
        has = {pool.places[number][0] for number in self._required}
        best: dict[int, int] = {}
        for number, (unit, _) in enumerate(pool.places):
            if unit in units and unit not in has and (pool.telling[number] or not facts_only):
                best[unit] = max(best.get(unit, number), number, key=densities.__getitem__)
        return list(best.values())

    def required_text(self, frame: str) -> str:
        """Return the note that has only what must be in it; "" if that is nothing."""
        chosen: dict[int, set[int]] = {}
        for number in self._required:
            unit, piece = self.pool.places[number]
            chosen.setdefault(unit, set()).add(piece)
        return written(self.told, chosen, frame) if chosen else ""

    def note(self, frame: str, room: int, size: Counting, count: Counting) -> Note:
        """Return the note of at most `room` tokens by `size`; frame: its first line; count: tokens of a bare text."""
        writing = _Writing(self.told, frame, room, size, count)
        writing.add(self._asked_last[:1])
        writing.add_part(self._asked_last[:1])  # a request is cut, not dropped
        writing.add(self._asked_last[1:])
        writing.add([place for place in self._first if place not in self._asked_last])
        writing.add(self._telling)
        if not self.is_empty_with_facts(writing.chosen):
            writing.add(self._filler)
        writing.add_part([*self._first, *self._telling])
        return writing.note()

    def is_empty_with_facts(self, chosen: Collection[int]) -> bool:
        """Return whether a unit that is not among the chosen ones states something new."""
        known, pool = self._known, self.pool
        if pool.is_talk:
            return False
        return any(unit not in chosen for unit, _ in self._telling) or any(
            pool.places[number][0] not in chosen and pool.reading.is_new(number, known) for number in self._waiting
        )

    @cached_property
    def _first(self) -> list[Place]:
        """What comes first: open requests, deeds, the best decisions."""
        reading = self.pool.reading
        for number in self._required:
            text = self._texts.get(number)
            self._known.update(reading.stated(number) if text is None else stated_in(text))
        self._left = max(0, self._room - sum(map(self._tokens, self._required)))
        required = set(self._required)
        decisions = [number for number in self._ranks[Rank.DECISION] if number not in required]
        decided = self.pool.best(decisions, 0 if self.pool.is_talk else int(self._left * DECISION_SHARE), self._known)
        self._left = max(0, int(self._left * SPARE) - sum(map(reading.tokens, decided)))
        self._taken = {*required, *decided}
        return [self.pool.places[number] for number in [*self._required, *decided]]

    @cached_property
    def _waiting(self) -> list[int]:
        """The other pieces that state something."""
        rest = chain(self._ranks[Rank.DECISION], self._ranks[Rank.ORDINARY])
        return [number for number in rest if number not in self._taken and self.pool.telling[number]]

    @cached_property
    def _telling(self) -> list[Place]:
        return [self.pool.places[number] for number in self.pool.best(self._waiting, self._left, self._known)]

    @cached_property
    def _filler(self) -> list[Place]:
        ordinary = self._ranks[Rank.ORDINARY]
        rest = [number for number in ordinary if number not in self._taken and not self.pool.telling[number]]
        return [self.pool.places[number] for number in self.pool.best(rest, self._left, set(self._known))]


class _Writing:
    """A note that grows while there is room."""

    def __init__(self, told: Sequence[Told], frame: str, room: int, size: Counting, count: Counting) -> None:
        self._told, self._frame, self._room, self._size, self._count = list(told), frame, room, size, count
        self._order: list[Place] = []
        self._prices: dict[Place, int] = {}
        self.chosen: dict[int, set[int]] = {}

    def _price(self, place: Place) -> int:
        if place not in self._prices:
            self._prices[place] = self._count(self._told[place[0]].pieces[place[1]].text) + 1
        return self._prices[place]

    def _opening(self, place: Place) -> int:
        """Return the tokens of a piece's line besides its pieces, if the line is not there yet."""
        unit, number = place
        pieces = self._told[unit].pieces
        line = pieces[number].line
        if any(pieces[other].line == line for other in self.chosen.get(unit, ())):
            return 0
        return self._count(line.head) + (_MARK if line.beyond or sum(piece.line == line for piece in pieces) > 1 else 0)

    def add(self, waiting: Sequence[Place]) -> None:
        """Take of the waiting pieces, in order, all that fit; those that count as fewer together make room for more."""
        for _ in range(_ROUNDS):
            left = self._room - self._size(self._text())
            taken: list[Place] = []
            others: list[Place] = []
            for place in waiting:
                price = self._price(place) + self._opening(place)
                if price <= left:
                    left -= price
                    taken.append(place)
                    self.chosen.setdefault(place[0], set()).add(place[1])
                else:
                    others.append(place)
            self._order += taken
            self._cut()
            if not taken or not others:
                break
            waiting = others

    def add_part(self, waiting: Sequence[Place]) -> None:
        """Take the beginning of the best sentence that does not fit whole, if there is room for that."""
        left = self._room - self._size(self._text())
        for place in waiting if left >= _PART else ():
            unit, number = place
            piece = self._told[unit].pieces[number]
            if piece.line.noun or piece.deed is not None or number in self.chosen.get(unit, ()):
                continue
            if text := clause_of(piece.text, left - self._opening(place) - 1, self._count):
                pieces = list(self._told[unit].pieces)
                pieces[number] = piece._replace(text=text)
                self._told[unit] = self._told[unit]._replace(pieces=pieces)
                self.chosen.setdefault(unit, set()).add(number)
                self._order.append(place)
                self._prices[place] = self._count(text) + 1
                self._cut()
                return

    def _cut(self) -> None:
        """Take the last pieces back until the note fits."""
        while self._order and (over := self._size(self._text()) - self._room) > 0:
            while self._order and over > 0:
                unit, number = place = self._order.pop()
                over -= self._price(place)
                self.chosen[unit].discard(number)
                if not self.chosen[unit]:
                    del self.chosen[unit]

    def _text(self) -> str:
        return written(self._told, self.chosen, self._frame)

    def note(self) -> Note:
        text = self._text() if self.chosen else ""
        return Note(text, self.chosen) if self._size(text) <= self._room else Note()


def written(told: Sequence[Told], chosen: Mapping[int, Collection[int]], frame: str) -> str:
    lines = [lines_of(told[unit].entries, told[unit].pieces, chosen[unit]) for unit in sorted(chosen)]
    return "\n".join([frame, *lines])

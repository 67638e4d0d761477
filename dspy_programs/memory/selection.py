"""Choose the pieces of a note: open requests, deeds, standing orders, decisions, then what is worth most for its tokens.

Input      a pool, and which of its units; elsewhere: what is stated in messages that stay; room: tokens.
Output     note: a Note (writing.py). required_text: one with only open requests, deeds and standing orders.
Guarantees an open request is whole if it fits; no piece that states nothing is chosen while a unit that states something new
           has none; what still fits when the rest is told is added, the best first.
"""

from collections.abc import Collection
from functools import cached_property
from itertools import chain

from dspy_programs.memory.pool import Pool
from dspy_programs.memory.reading.deed_lines import Deed, together
from dspy_programs.memory.reading.piece import Rank
from dspy_programs.memory.reading.salience import stated_in
from dspy_programs.memory.strategies import Strategy
from dspy_programs.memory.writing import Counting, Note, Place, Writing, written

SPARE = 1.6  # the estimate of a piece's tokens is high, so this much more is picked, then cut by the exact count
DEED_SHARE = 0.5  # of the room beside open requests: deeds that take more are told in fewer words
STANDING_SHARE = 0.5  # of the room: standing orders that take more are decisions
DECISION_SHARE = 0.5  # of the room that open requests and deeds leave
_OPENING = 4  # tokens of a deed's head


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
        is_open = False
        for number, (place, piece) in enumerate(zip(pool.places, pool.pieces, strict=True)):
            if place[0] in units:
                rank = piece.rank
                is_open = is_open or rank is Rank.OPEN_REQUEST
                if rank is Rank.REVISED:
                    rank = Rank.STANDING if is_open else Rank.DECISION
                if pool.is_talk and rank is Rank.STANDING:  # among people, not to the assistant
                    rank = Rank.DECISION
                self._ranks[rank].append(number)
        self.units = list(pool.units)
        self._texts: dict[int, str] = {}
        asked = self._asked()
        newest = max((pool.places[number][0] for number in asked), default=0)
        last = [number for number in asked if pool.places[number][0] == newest]
        self._asked_last = [pool.places[number] for number in last]
        standing = self._standing()
        self._required = [*last, *self._deeds()[::-1], *standing, *(number for number in asked if number not in last)]
        if furthest != "archive":
            self._required += self._one_of_each(units, facts_only=furthest == "extract_facts")

    def _standing(self) -> list[int]:
        """Return the standing orders that are told in any case, the newest first; the others are decisions."""
        room = int(STANDING_SHARE * self._room)
        told: list[int] = []
        for number in self._ranks[Rank.STANDING][::-1]:
            room -= self._tokens(number)
            if room >= 0:
                told.append(number)
        others = set(self._ranks[Rank.STANDING]) - set(told)
        self._ranks[Rank.DECISION] = sorted([*self._ranks[Rank.DECISION], *others])
        self._ranks[Rank.STANDING] = told
        return told

    def _asked(self) -> list[int]:
        """Return the open requests, what asks most first."""
        return sorted(self._ranks[Rank.OPEN_REQUEST], key=lambda number: (-self.pool.pieces[number].worth, number))

    def _deeds(self) -> list[int]:
        """Return the deeds that are told, as briefly as needed; one may stand for others."""
        numbers = self._ranks[Rank.DEED]
        deeds = [
            (piece.line.head, piece.deed or Deed(piece.text, (), is_call=False))
            for piece in map(self.pool.pieces.__getitem__, numbers)
        ]
        room = self._room - sum(map(self._tokens, [*self._ranks[Rank.OPEN_REQUEST], *self._ranks[Rank.STANDING]]))
        texts = together(deeds, DEED_SHARE * room, room, lambda text: self._count(text) + _OPENING)
        told = sorted(texts)
        self._texts = {numbers[place]: texts[place] for place in told}
        for number, text in self._texts.items():
            unit, piece = self.pool.places[number]
            one = self.units[unit]
            if one.pieces[piece].text != text:
                pieces = list(one.pieces)
                pieces[piece] = pieces[piece]._replace(text=text)
                self.units[unit] = one._replace(pieces=pieces)
        return [numbers[place] for place in told]

    def _tokens(self, number: int) -> int:
        """Return a piece's tokens as it is told, the head of a deed's line with them."""
        unit, piece = self.pool.places[number]
        return self._count(self.units[unit].pieces[piece].text) + (_OPENING if number in self._texts else 1)

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
        return written(self.units, chosen, frame) if chosen else ""

    def note(self, frame: str, room: int, size: Counting, count: Counting) -> Note:
        """Return the note of at most `room` tokens by `size`; frame: its first line; count: tokens of a bare text."""
        writing = Writing(self.units, frame, room, size, count)
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

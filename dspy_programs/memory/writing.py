"""Write a note of chosen pieces: as many of those that are offered, in order, as its room holds.

Input      units with their pieces; frame: the note's first line; room: tokens; size: counts a note; count: counts a bare text.
Output     a Note: its text, in time order, and which pieces of which units it has.
Guarantees at most `room` tokens by `size`, or no text at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from dspy_programs.memory.pool import Unit
from dspy_programs.memory.reading.cues import says_something_exact
from dspy_programs.memory.reading.note import STILL_OPEN
from dspy_programs.memory.reading.piece import Line, Rank, lines_of
from dspy_programs.memory.reading.sentence_breaks import beginning_of, clause_of

_ROUNDS = 5
_PART = 8  # tokens from which a part of a sentence is worth adding
_MARK = 6  # tokens for counting what a line leaves out, about

Place = tuple[int, int]  # unit, piece
Counting = Callable[[str], int]  # a text's tokens


class Note(NamedTuple):
    text: str = ""
    chosen: Mapping[int, Collection[int]] = {}  # never changed
    """Unit -> numbers of its pieces."""


class Writing:
    """A note that grows while there is room."""

    def __init__(self, units: Sequence[Unit], frame: str, room: int, size: Counting, count: Counting) -> None:
        self._units, self._frame, self._room, self._size, self._count = list(units), frame, room, size, count
        self._order: list[Place] = []
        self._lines: dict[int, str] = {}
        self._counted = ("", 0)
        self._openings: dict[tuple[int, Line], int] = {}
        self.chosen: dict[int, set[int]] = {}

    def add(self, waiting: Sequence[Place]) -> None:
        """Take of the waiting pieces, in order, all that fit; those that count as fewer together make room for more."""
        for _ in range(_ROUNDS):
            left = self._room - self._used()
            others: list[Place] = []
            for place in waiting:
                price = self._price(place) + self._opening(place)
                if price <= left:
                    left -= price
                    self._take(place)
                else:
                    others.append(place)
            self._cut()
            if not others or len(others) == len(waiting):
                break
            waiting = others

    def add_part(self, waiting: Sequence[Place]) -> None:
        """Take the beginning of the best sentence that does not fit whole, if there is room for that.

        Any beginning of a request tells something; of another sentence only clauses that say something exact: "it must not go
        out" is the opposite of "not before November".
        """
        left = self._room - self._used()
        for place in waiting if left >= _PART else ():
            number, piece_number = place
            unit = self._units[number]
            piece = unit.pieces[piece_number]
            if piece.line.noun or piece.deed is not None or piece_number in self.chosen.get(number, ()):
                continue
            room, asked = left - self._opening(place) - 1, piece.rank is Rank.OPEN_REQUEST
            text = clause_of(piece.text, room, self._count, at_colons=asked) or (
                beginning_of(piece.text, room, self._count) if asked else ""
            )
            if text and (asked or says_something_exact(text)):
                pieces = list(unit.pieces)
                pieces[piece_number] = piece._replace(text=text)
                self._units[number] = unit._replace(pieces=pieces)
                self._take(place)
                self._cut()
                return

    def note(self) -> Note:
        return Note(self._text(), self.chosen) if self.chosen and self._used() <= self._room else Note()

    def _take(self, place: Place) -> None:
        self._order.append(place)
        self.chosen.setdefault(place[0], set()).add(place[1])
        self._lines.pop(place[0], None)

    def _cut(self) -> None:
        """Take the last pieces back until the note fits."""
        while self._order and (over := self._used() - self._room) > 0:
            while self._order and over > 0:
                unit, piece = place = self._order.pop()
                over -= self._price(place)
                self._lines.pop(unit, None)
                self.chosen[unit].discard(piece)
                if not self.chosen[unit]:
                    del self.chosen[unit]

    def _price(self, place: Place) -> int:
        return self._count(self._units[place[0]].pieces[place[1]].text) + 1

    def _opening(self, place: Place) -> int:
        """Return the tokens of a piece's line besides its pieces, if the line is not there yet."""
        unit, number = place
        pieces = self._units[unit].pieces
        line = pieces[number].line
        if any(pieces[other].line == line for other in self.chosen.get(unit, ())):
            return 0
        if (unit, line) not in self._openings:
            leaves_out = (line.noun or line.head.endswith(STILL_OPEN)) and (
                line.beyond or sum(piece.line == line for piece in pieces) > 1
            )
            self._openings[unit, line] = self._count(line.head) + (_MARK if leaves_out else 0)
        return self._openings[unit, line]

    def _used(self) -> int:
        text = self._text()
        if text != self._counted[0]:
            self._counted = (text, self._size(text))
        return self._counted[1]

    def _text(self) -> str:
        for number in self.chosen.keys() - self._lines.keys():
            unit = self._units[number]
            self._lines[number] = lines_of(unit.entries, unit.pieces, self.chosen[number])
        return "\n".join([self._frame, *(self._lines[number] for number in sorted(self.chosen))])


def written(units: Sequence[Unit], chosen: Mapping[int, Collection[int]], frame: str) -> str:
    """Return the note of the chosen pieces, of any length."""
    lines = [lines_of(units[number].entries, units[number].pieces, chosen[number]) for number in sorted(chosen)]
    return "\n".join([frame, *lines])

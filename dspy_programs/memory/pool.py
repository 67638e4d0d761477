"""All that a note may tell, read together once: units, each with its pieces.

Input      units with their pieces (pieces.py) and a weight; whether they are a talk among people; words that are wanted.
Output     best: of some pieces those worth most for their tokens. telling: whether each piece states something.
Source     greedy choice in salience.py; in a talk the density of rare words in talk.py.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from operator import mul
from typing import NamedTuple

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.piece import Piece, Rank
from dspy_programs.memory.reading.salience import Reading
from dspy_programs.memory.reading.talk import densities
from dspy_programs.memory.strategies import Strategy

WANTED_WORTH = 4.0
_WORD = re.compile(r"[^\W\d_]{4,}|(?:(?<!\w)\w*)?\d\w*|[A-Z]{2,}")


def words_of(text: str) -> set[str]:
    """Return a text's words that may tell what it is about: long ones, and those with digits or in capitals."""
    return {word.lower() for word in _WORD.findall(text)}


def codes_of(text: str) -> set[str]:
    """Return a text's words with digits."""
    return {word for word in words_of(text) if any(map(str.isdigit, word))}


class Unit(NamedTuple):
    """Messages that belong together, and what a note may tell of them."""

    entries: Sequence[MemoryEntry]
    pieces: Sequence[Piece]
    weight: float
    places: Sequence[int]
    """Which units of the task these are, in time order."""
    strategy: Strategy | None = None
    """Of a model's text."""


class Pool:
    """Units that a note may tell of, read together once."""

    def __init__(self, units: Sequence[Unit], is_talk: bool = False, wanted: Collection[str] = ()) -> None:
        """units: in time order; wanted: words of what is asked for: sentences of pages with them are worth more."""
        self.units, self.is_talk = units, is_talk
        self.places = [(unit, number) for unit, one in enumerate(units) for number in range(len(one.pieces))]
        self.pieces = [piece for one in units for piece in one.pieces]
        weights = [one.weight * piece.worth for one in units for piece in one.pieces]
        self.reading = Reading([piece.text for piece in self.pieces], list(map(mul, self._wanted(wanted), weights)))
        self._starts = [0, *accumulate(len(one.pieces) for one in units)]

    def _wanted(self, wanted: Collection[str]) -> list[float]:
        """Return a factor for each piece: the rarer its words that are wanted, the more; a look-up's with those of its call."""
        calls = [self._call_of(piece) for piece in self.pieces]
        shared = [
            {word for word in words_of(piece.text) if word in wanted} if self._is_read(piece) else set()
            for piece in self.pieces
        ]
        asked = {call: {word for word in codes_of(call) if word in wanted} for call in set(calls)}
        times = Counter(word for words in shared for word in words)
        times_asked = Counter(word for words in asked.values() for word in words)
        return [
            1
            + WANTED_WORTH
            * min(1.0, sum(times[word] ** -0.5 for word in words) + sum(times_asked[word] ** -0.5 for word in asked[call]))
            for words, call in zip(shared, calls, strict=True)
        ]

    def _is_read(self, piece: Piece) -> bool:
        return not self.is_talk and piece.rank is Rank.ORDINARY

    def _call_of(self, piece: Piece) -> str:
        return piece.line.head if piece.line.noun not in ("", "sentence") and not self.is_talk else ""

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
        said: set[str] = set()
        for number in sorted(numbers, key=lambda number: -self._densities[number]):
            if self.pieces[number].text in said:
                continue
            said.add(self.pieces[number].text)
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

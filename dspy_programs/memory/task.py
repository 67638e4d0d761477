"""What is known of a memory when it is compressed: its originals in units, what of them must stay, and what a note may tell.

Input      a Known and its originals; how many of the latest are protected; how tokens are counted; a weight for each entry.
Output     a Task: units of two kinds, protected and compressible; `pool`: what the compressible ones may add to a note, as far
           as there may be room for it. A place is the number of a compressible unit, in time order.
Guarantees nothing is changed; what of this is not asked for is not read.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import groupby
from operator import attrgetter

from dspy_programs.conversation import call_of
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.known import Known, Original
from dspy_programs.memory.pool import Pool, Unit, words_of
from dspy_programs.memory.reading.note import is_note
from dspy_programs.memory.reading.open_request import open_requests
from dspy_programs.memory.reading.options import with_options
from dspy_programs.memory.reading.piece import Piece, Rank
from dspy_programs.memory.reading.salience import Reading
from dspy_programs.memory.reading.sentence_breaks import lines_in
from dspy_programs.memory.reading.stubs import mentioned_in
from dspy_programs.memory.reading.talk import (
    ANSWER,
    ANSWER_WORTH,
    DECIDED_WORTH,
    QUESTION_WORTH,
    asks_for_decisions,
    decides,
    densities,
    is_talk,
    speaker_of,
    without_speaker,
)
from dspy_programs.memory.strategies import Strategy
from dspy_programs.memory.units import protected, units
from dspy_programs.memory.windows import Older
from dspy_programs.programs.failure_judge import is_deed

RESULT_WEIGHT = 0.6
LATE_WEIGHT = 0.2  # the last message is worth this much more than the first
_NOTE = MemoryEntry(role="compressed", content="", metadata={"original_role": "user"})  # as a note is sent
_READ = 4_000  # characters of a request, for its words
_SHORT = 12  # characters of a part that alone makes no unit worth reading
_READ_ALL = 120  # units; of more, only the most salient are read closely
_UNIT_TOKENS = 12  # one unit is read closely for this many tokens of a note, if they are more
_MENTIONS = 200  # of the last messages, for what they mention


class Task:
    """The originals of one memory, and what is needed to plan."""

    def __init__(
        self,
        known: Known,
        originals: Sequence[Original],
        recent: int,
        size: Callable[[MemoryEntry], int],
        count: Callable[[str], int],
        weights: Callable[[Sequence[MemoryEntry]], Sequence[float]] | None,
        furthest: Strategy,
    ) -> None:
        self.known, self.originals, self.size, self.count = known, originals, size, count
        self.entries = [original.entry for original in originals]
        self.recent, self.room, self.furthest = recent, 0, furthest
        grouped = units(self.entries)
        self.of_deeds = {index for unit in grouped if self._calls_deeds(unit[0]) for index in unit[1:]}
        """Results of calls that change something: the call says most of it."""
        last_said = max((index for index, entry in enumerate(self.entries) if entry.role != "tool"), default=-1)
        self.unread = range(last_said + 1, len(self.entries))
        """The latest results: nobody has said anything about them."""
        self.protected = protected(self.entries, grouped, recent)
        self.compressible = [unit for unit in grouped if unit[0] not in self.protected]
        self.open = open_requests(self.entries)
        last = max(1, len(grouped) - 1)
        scores = weights(self.entries) if weights is not None else None
        self.weights = [
            self._weight_of(unit) * (1 + LATE_WEIGHT * place / last) * (1 + max(scores[i] for i in unit) if scores else 1)
            for place, unit in enumerate(self.compressible)
        ]

    def _calls_deeds(self, index: int) -> bool:
        calls = self.entries[index].calls
        return bool(calls) and all(isinstance(call, dict) and is_deed(call_of(call).name) for call in calls)

    def _weight_of(self, unit: Sequence[int]) -> float:
        return 1.0 if len(unit) == 1 and self.entries[unit[0]].role != "tool" else RESULT_WEIGHT

    def members(self, place: int) -> list[MemoryEntry]:
        return [self.entries[index] for index in self.compressible[place]]

    def older(self, place: int) -> Older:
        members = self.members(place)
        return Older(members, self.position(place), sum(map(self.size, members)))

    def position(self, place: int) -> int:
        return self.originals[self.compressible[place][0]].position

    @cached_property
    def pool(self) -> Pool:
        return Pool(self._units(self._candidates(range(len(self.compressible)), self.room)), self.is_talk, self._wanted)

    def pool_of(self, units: Sequence[Unit]) -> Pool:
        return Pool(units, self.is_talk, self._wanted)

    @cached_property
    def _wanted(self) -> frozenset[str]:
        """Words of what is asked for: of open requests and of the last messages of people."""
        asking = [*self.open, *(index for index in self.protected if self.entries[index].role == "user")]
        return frozenset(word for index in asking for word in words_of(self.entries[index].content[:_READ]))

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """What is mentioned outside results, for stubs."""
        return mentioned_in(self.entries[-_MENTIONS:])

    @cached_property
    def is_talk(self) -> bool:
        return is_talk(self.entries)

    @cached_property
    def _decisions(self) -> bool:
        """Whether a talk's decisions are asked for."""
        return any(asks_for_decisions(self.entries[index].content[:_READ]) for index in self.open)

    @cached_property
    def worth_said(self) -> dict[str, float]:
        """What each sentence of a talk is worth for its length."""
        turns = [entry for entry in self.entries if entry.role != "system"]
        said = [piece.text for turn in turns for piece in spoken(self.known.pieces([turn], False), turn.content)]
        return dict(zip(said, densities(said), strict=True))

    def _units(self, places: Iterable[int]) -> list[Unit]:
        """Return the units with their pieces; each line of a plain note of an earlier round stands for a unit of its own."""
        found = []
        for place in places:
            members = self.members(place)
            pieces = self.known.pieces(members, not self.open.isdisjoint(self.compressible[place]))
            if self.is_talk:
                pieces = spoken(pieces, members[0].content, place > 0 and "?" in self.members(place - 1)[0].content)
                if self._decisions:
                    pieces = [one._replace(worth=one.worth * (DECIDED_WORTH if decides(one.text) else 1)) for one in pieces]
            elif members[0].role == "user" and place > 0 and (asked := self.members(place - 1)[0]).role == "assistant":
                pieces = [_with_options(piece, asked.content) for piece in pieces]
            lines = groupby(pieces, attrgetter("line")) if is_plain_note(members[0]) else [(None, pieces)]
            found += [Unit(members, list(some), self.weights[place], [place]) for _, some in lines]
        return found

    def _candidates(self, places: Sequence[int], tokens: int) -> list[int]:
        """Return the places that may have room in a note of some tokens; the others are passed over from now on."""
        known, most = self.known, max(_READ_ALL, tokens // _UNIT_TOKENS)
        waiting = [place for place in places if not known.passes_over(self.members(place)[0], tokens)]
        if len(waiting) <= 2 * most or self.furthest != "archive":
            return waiting
        texts = ("\n".join(entry.text for entry in self.members(place)) for place in waiting)
        parts = [[part for part in lines_in(text) if len(part) > _SHORT or not part.isascii()] for text in texts]
        reading = Reading(
            [part for some in parts for part in some],
            [self.weights[place] for place, some in zip(waiting, parts, strict=True) for _ in some],
        )
        densities = iter(reading.densities())
        best = [max((next(densities) for _ in some), default=0.0) for some in parts]
        ranked = sorted(range(len(waiting)), key=lambda number: -best[number])
        out = {
            waiting[number]
            for number in ranked[most:]
            if self.open.isdisjoint(self.compressible[waiting[number]]) and not self._calls_a_deed(waiting[number])
        }
        known.pass_over({self.members(place)[0].id for place in out}, tokens)
        return [place for place in waiting if place not in out]

    def _calls_a_deed(self, place: int) -> bool:
        calls = [call for entry in self.members(place) for call in entry.calls if isinstance(call, dict)]
        return any(is_deed(call_of(call).name) for call in calls)

    def note_size(self, text: str) -> int:
        return self.size(_NOTE.model_copy(update={"content": text}))

    @cached_property
    def has_note(self) -> bool:
        """Whether a note of an earlier round is among the originals, as a plain message."""
        return any(map(is_plain_note, self.entries))

    @cached_property
    def tokens(self) -> int:
        """All tokens of what is compressible, in its original form."""
        return sum(
            self.size(original.entry) if original.record is None else self.known.size(original.entry, self.size)
            for index, original in enumerate(self.originals)
            if index not in self.protected
        )


def _with_options(piece: Piece, answered: str) -> Piece:
    """Return a reply's piece with what it names; a request that is still open stays word for word."""
    return piece if piece.rank is Rank.OPEN_REQUEST else piece._replace(text=with_options(piece.text, answered))


def spoken(pieces: Sequence[Piece], text: str, asked: bool = False) -> list[Piece]:
    """Return a turn's pieces on a line of its speaker, if it names one; asked: the turn before asks something."""
    speaker = speaker_of(text)
    if speaker is None:
        return list(pieces)
    found = []
    for number, piece in enumerate(pieces):
        said = piece.text if number else without_speaker(piece.text)
        worth = QUESTION_WORTH if "?" in said else ANSWER_WORTH if asked and number < ANSWER else 1.0
        found.append(piece._replace(text=said, worth=worth, line=piece.line._replace(head=f"{speaker}: ")))
    return found


def is_plain_note(entry: MemoryEntry) -> bool:
    return entry.role == "compressed" and is_note(entry.content)

"""One way to bring a memory within a room: which of the newest messages stay, and the note that tells the rest.

Input      a Task; stubs of protected messages; room: tokens beside what is protected; share: tokens of it for newest messages.
Output     newest, older: places of units; note; strategies: how each older original is told. required: tokens of a note with
           only what must be told; lacks_room: whether that is more than is left; told(): how much all that is sent tells.
Guarantees a tool's result that is among the newest and has more than STALE tokens is a stub.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.pool import Unit
from dspy_programs.memory.reading.cues import says_something_exact
from dspy_programs.memory.reading.note import note_frame
from dspy_programs.memory.reading.piece import Line, Piece, Rank, lines_of
from dspy_programs.memory.reading.salience import exacts_of, stated_in
from dspy_programs.memory.reading.stubs import stub_of
from dspy_programs.memory.selection import Selection
from dspy_programs.memory.strategies import Strategy
from dspy_programs.memory.task import Task, spoken
from dspy_programs.memory.windows import Written, statements_of
from dspy_programs.memory.writing import Note

STALE = 120  # tokens of a tool result among the newest that are not protected
DEED_RESULT = 90  # tokens of a deed's result
DECISION_WORTH = 2  # of a person's decision, in exact values


class Draft:
    """A plan with the newest messages in up to `share` tokens of the room."""

    def __init__(self, task: Task, protected: Mapping[int, str], room: int, share: int) -> None:
        self._task, self._protected = task, protected
        self.written = Written([])
        self.stubs = dict(protected)
        self.newest: list[int] = []
        """Places, the newest first."""
        self._prices: list[int] = []
        for place in range(len(task.compressible) - 1, -1, -1):
            stubs, price = stubs_of(task, task.compressible[place], STALE)
            in_note = task.originals[task.compressible[place][0]].record is not None  # and stays there
            if in_note or sum(self._prices) + price > share:
                break
            self.newest.append(place)
            self._prices.append(price)
            self.stubs |= stubs
        self.newest_tokens = sum(self._prices)
        self.left = room - self.newest_tokens
        self.older = range(len(task.compressible) - len(self.newest))

    def use(self, written: Written) -> None:
        """Let a model's texts stand for what is ordinary in their windows."""
        self.written = written
        self.__dict__.pop("_selection", None)
        self.__dict__.pop("note", None)

    @cached_property
    def _selection(self) -> Selection:
        task = self._task
        stay = [*task.protected, *(index for place in self.newest for index in task.compressible[place])]
        stated = (
            stated_in(self.stubs[index]) if index in self.stubs else task.known.stated(task.entries[index]) for index in stay
        )
        elsewhere = set().union(*stated)
        pool = task.pool_of(self._with_texts(task.pool.units)) if self.written.windows else task.pool
        units = {number for number, unit in enumerate(pool.units) if unit.places[0] < self.older.stop}
        return Selection(pool, units, elsewhere, self.left, task.count, task.furthest)

    def _with_texts(self, units: Sequence[Unit]) -> list[Unit]:
        """Replace what is ordinary in a window by the sentences of the window's text."""
        task, found = self._task, []
        inside: set[int] = set()
        for window in self.written.windows:
            places = [place for place in self.older if window.first <= task.position(place) <= window.last]
            inside.update(places)
            line = Line(0, "turns {} to {}: ".format(*window.turns))
            pieces = [Piece(" ".join(text.split()), Rank.ORDINARY, line) for text in statements_of(window.text)]
            members = [entry for place in places for entry in task.members(place)]
            found.append(Unit(members, pieces, 1.0, places, self.written.strategy))
        for unit in units:
            if unit.places[0] in inside:
                unit = unit._replace(pieces=[piece for piece in unit.pieces if piece.rank is not Rank.ORDINARY])
            found.append(unit)
        return sorted((unit for unit in found if unit.pieces), key=lambda unit: unit.places[0])

    def strategies(self) -> dict[int, Strategy]:
        """Return how each older original is in the note."""
        found: dict[int, Strategy] = {}
        pool = self._selection.pool
        for number, chosen in self.note.chosen.items():
            unit = pool.units[number]
            extracted: Strategy = "extract_facts" if pool.tells(number, chosen) else "summarize"
            found |= dict.fromkeys(unit.places, unit.strategy or extracted)
        return {index: found.get(place, "archive") for place in self.older for index in self._task.compressible[place]}

    @cached_property
    def _frame(self) -> str:
        turns = [self._task.entries[index].turn_number for place in self.older for index in self._task.compressible[place]]
        return note_frame(min(turns), max(turns))

    @cached_property
    def required(self) -> int:
        text = self._selection.required_text(self._frame) if self.older else ""
        return self._task.note_size(text) if text else 0

    @property
    def lacks_room(self) -> bool:
        return self.required > self.left

    @cached_property
    def note(self) -> Note:
        return self._selection.note(self._frame, self.left, self._task.note_size, self._task.count) if self.older else Note()

    @property
    def spare(self) -> int:
        return self.left - (self._task.note_size(self.note.text) if self.older else 0)

    @property
    def has_facts_to_tell(self) -> bool:
        """Whether a unit that states something new has no place in the note."""
        return bool(self.older) and self._selection.is_empty_with_facts(self.note.chosen)

    def filler(self) -> int:
        """Return the tokens of the oldest of the newest messages, up to the first that states something exact."""
        found = 0
        for place, price in zip(reversed(self.newest), reversed(self._prices), strict=True):
            if any(says_something_exact(entry.text) for entry in self._task.members(place)):
                break
            found += price
        return found

    def told(self) -> int:
        """Return how much all that is sent tells: its different exact values, and the decisions of people in the note."""
        task, pool = self._task, self._selection.pool
        stay = [*task.protected, *(index for place in self.newest for index in task.compressible[place])]
        texts = [self.stubs.get(index) or task.entries[index].text for index in stay if task.entries[index].role != "system"]
        values = {value.lower() for text in [*texts, self.note.text] for value, _ in exacts_of(text)}
        pieces = [pool.units[unit].pieces[number] for unit, chosen in self.note.chosen.items() for number in chosen]
        decisions = sum(piece.rank is Rank.DECISION and piece.worth > 1 for piece in pieces)
        return len(values) + DECISION_WORTH * decisions


def stubs_of(task: Task, indexes: Iterable[int], most: int, rate: float = 1.0, unread: int = 0) -> tuple[dict[int, str], int]:
    """Return what stands for some of the messages, and the tokens of all of them then.

    Args:
        task: The memory.
        indexes: The messages.
        most: Tokens from which a tool's result becomes a stub.
        rate: Share of its tokens that a turn of a talk among people has; all its turns are worth the same, the last ones too.
        unread: Tokens that each of the latest results has at least: what they say is told nowhere else.
    """
    found: dict[int, str] = {}
    needed = 0
    for index in indexes:
        entry = task.entries[index]
        tokens = task.size(entry)
        text = None
        room = min(most, DEED_RESULT) if index in task.of_deeds else most
        if index in task.unread:
            room = max(room, unread)
        if entry.role == "tool" and tokens > room:
            text = stub_of(entry, room, task.count, task.mentioned)
        elif task.is_talk and entry.role != "system" and tokens > (length := max(_SHORTEST_TURN, int(rate * tokens))):
            text = _excerpt(task, entry, length)
        if text is not None and (smaller := task.size(stubbed(entry, text))) < tokens:
            found[index], tokens = text, smaller
        needed += tokens
    return found, needed


_SHORTEST_TURN = 30  # tokens


def _excerpt(task: Task, entry: MemoryEntry, room: int) -> str:
    """Return the best sentences of a talk's turn within a room, at least one, and a mark."""
    pieces = spoken(task.known.pieces([entry], False), entry.content)
    chosen: set[int] = set()
    for number in sorted(range(len(pieces)), key=lambda number: -task.worth_said[pieces[number].text]):
        if not chosen or task.count(lines_of([entry], pieces, chosen | {number})) <= room:
            chosen.add(number)
    return lines_of([entry], pieces, chosen) + " (...)" * (len(chosen) < len(pieces))


def stubbed(entry: MemoryEntry, text: str) -> MemoryEntry:
    """Return a message with another text; a tool's result stays the answer to its call."""
    metadata = {key: value for key in ("tool_call_id", "name") if (value := entry.kept(key)) is not None}
    return entry.model_copy(update={"content": text, "metadata": metadata})

"""What a compressed memory looks like: system prompts, one note for everything older, and the newest messages as they were.

Input      a Task: the originals, what of them is protected, and the budget.
Output     a Plan; nothing is changed yet.
Guarantees at most the budget; the newest messages have up to NEWEST of the room beside the protected part, and more if the
           note does not need the rest, but never room that open requests and deeds need. A tool result that is large alone,
           or that is among the newest but not the last, is a stub.
Raises     UsageError if the protected part does not fit even with its tool results as stubs.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from dspy_programs.conversation import call_of
from dspy_programs.errors import UsageError
from dspy_programs.memory.changes import Strategy
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.known import Known, Original
from dspy_programs.memory.reading.cues import says_something_exact
from dspy_programs.memory.reading.note import is_note, note_frame
from dspy_programs.memory.reading.pieces import Line, Piece, Rank, mentioned_in, open_requests, stub_of
from dspy_programs.memory.reading.salience import Reading, parts_of
from dspy_programs.memory.reading.talk import ANSWER, ANSWER_WORTH, QUESTION_WORTH, is_talk, speaker_of, without_speaker
from dspy_programs.memory.selection import Note, Pool, Selection, Told, words_of
from dspy_programs.memory.units import protected, units
from dspy_programs.memory.windows import Older, Written, statements_of
from dspy_programs.programs.failure_judge import is_deed

NEWEST = 0.1  # share of the room for the newest messages besides the protected ones
_HALF = 0.5  # of the older messages' tokens: where the note has room for that, fewer messages become older ones
LARGE = 0.25  # share of the budget from which a tool result is too large alone
STALE = 120  # tokens of a tool result among the newest that are not protected
TELLING = 30  # tokens to which a protected result is shortened for the note's sake
SMALLEST = 16  # tokens of a stub
RESULT_WEIGHT = 0.6
ANSWER_WEIGHT = 1.0  # of an assistant's message
LATE_WEIGHT = 0.2  # the last message is worth this much more than the first
_NOTE = MemoryEntry(role="compressed", content="", metadata={"original_role": "user"})  # as a note is sent
_READ = 4_000  # characters of a request, for its words
_SHORT = 12  # characters of a part that alone makes no unit worth reading
_READ_ALL = 120  # units; of more, only the most salient are read closely
_MENTIONS = 200  # of the last messages, for what they mention
_UNIT_TOKENS = 12  # one unit is read closely for this many tokens of a note, if they are more


Write = Callable[[Sequence[Older], int], Written]
"""Asks a model for texts of older units, for a note of so many tokens."""


class Plan(NamedTuple):
    kept: list[int]
    """Of the originals, those that stay: as they are, or as stubs."""
    stubs: dict[int, str]
    older: list[int]
    """The originals that the note stands for."""
    note: str
    ways: dict[int, Strategy]
    """Of the older originals, how each is in the note: in part, with only its facts, or not at all."""
    written: Written
    """What a model wrote for them."""


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
        self.units = units(self.entries)
        self.kept = protected(self.entries, self.units, recent)
        self.free = [unit for unit in self.units if unit[0] not in self.kept]
        self.open = open_requests(self.entries)
        last = max(1, len(self.units) - 1)
        self.weights = [self._weight_of(unit) * (1 + LATE_WEIGHT * place / last) for place, unit in enumerate(self.free)]
        if weights is not None:
            scores = weights(self.entries)
            self.weights = [
                weight * (1 + max(scores[index] for index in unit))
                for weight, unit in zip(self.weights, self.free, strict=True)
            ]

    def _weight_of(self, unit: Sequence[int]) -> float:
        role = self.entries[unit[0]].role
        if len(unit) > 1 or role == "tool":
            return RESULT_WEIGHT
        return ANSWER_WEIGHT if role == "assistant" else 1.0

    def members(self, place: int) -> list[MemoryEntry]:
        return [self.entries[index] for index in self.free[place]]

    def told(self, places: Iterable[int]) -> list[Told]:
        """Return the units with their pieces; each line of a plain note of an earlier round stands for a unit of its own."""
        found = []
        for place in places:
            members = self.members(place)
            pieces = self.known.pieces(members, not self.open.isdisjoint(self.free[place]))
            if self.is_talk and speaker_of(members[0].content):
                asked = place > 0 and "?" in self.members(place - 1)[0].content
                pieces = _spoken(pieces, members[0].content, asked)
            lines = groupby(pieces, attrgetter("line")) if _is_plain_note(members[0]) else [(None, pieces)]
            found += [Told(members, list(some), self.weights[place], [place]) for _, some in lines]
        return found

    def position(self, place: int) -> int:
        return self.originals[self.free[place][0]].position

    def older(self, place: int) -> Older:
        members = self.members(place)
        return Older(members, self.position(place), sum(map(self.size, members)))

    def calls_a_deed(self, place: int) -> bool:
        calls = [call for entry in self.members(place) for call in entry.calls if isinstance(call, dict)]
        return any(is_deed(call_of(call).name) for call in calls)

    @cached_property
    def pool(self) -> Pool:
        return Pool(self.told(self._candidates(range(len(self.free)), self.room)), self.is_talk, self.wanted)

    @cached_property
    def wanted(self) -> frozenset[str]:
        """Words of what is asked for: of open requests and of the last messages of people."""
        asking = [*self.open, *(index for index in self.kept if self.entries[index].role == "user")]
        return frozenset(word for index in asking for word in words_of(self.entries[index].content[:_READ]))

    @cached_property
    def is_talk(self) -> bool:
        return is_talk(self.entries)

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """What is mentioned outside results, for stubs."""
        return mentioned_in(self.entries[-_MENTIONS:])

    def _candidates(self, places: Sequence[int], tokens: int) -> list[int]:
        """Return the places that may have room in a note of some tokens; the others are passed over from now on."""
        known, most = self.known, max(_READ_ALL, tokens // _UNIT_TOKENS)
        if tokens > known.passed_at:
            known.passed_over, known.passed_at = set(), tokens
        waiting = [place for place in places if self.entries[self.free[place][0]].id not in known.passed_over]
        if len(waiting) <= 2 * most or self.furthest != "archive":
            return waiting
        texts = ("\n".join(entry.text for entry in self.members(place)) for place in waiting)
        parts = [[part for part in parts_of(text) if len(part) > _SHORT or not part.isascii()] for text in texts]
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
            if self.open.isdisjoint(self.free[waiting[number]]) and not self.calls_a_deed(waiting[number])
        }
        known.forget({self.entries[self.free[place][0]].id for place in out})
        return [place for place in waiting if place not in out]

    def note_size(self, text: str) -> int:
        return self.size(_NOTE.model_copy(update={"content": text}))

    @cached_property
    def has_note(self) -> bool:
        """Whether a note of an earlier round is among the originals, as a plain message."""
        return any(map(_is_plain_note, self.entries))

    @cached_property
    def tokens(self) -> int:
        """All tokens of what is not protected; of what is compressed, an estimate."""
        return sum(
            self.size(original.entry) if original.record is None else len(original.entry.text) // 4
            for index, original in enumerate(self.originals)
            if index not in self.kept
        )


def planned(task: Task, budget: int, low: int, beside: int, write: Write | None) -> Plan:
    """Return the plan for a budget.

    Args:
        task: The memory.
        budget: Tokens that are never exceeded.
        low: Tokens to come down to, if the protected part, open requests and deeds fit there.
        beside: Tokens of a request besides those of its entries; they are in the budget too.
        write: Asks a model for texts; None leaves it to the rules.

    Raises:
        UsageError: The protected part is too large, or the furthest strategy does not suffice.
    """
    budget, low = budget - beside, low - beside
    systems = sum(task.size(entry) for entry in task.entries if entry.role == "system")
    most = max(SMALLEST, int(LARGE * (budget - systems)))
    has_results = any(task.entries[index].role == "tool" for index in task.kept)
    while True:
        stubs, needed = _with_stubs(task, task.kept, most)
        task.room = task.room or max(0, budget - needed)
        if needed <= budget:
            draft = _best_draft(task, max(0, low - needed))
            if draft.required > draft.left:
                draft = _best_draft(task, budget - needed)
        fits = needed <= budget and (most <= TELLING or draft.required <= draft.left)
        if fits or most <= SMALLEST or not has_results:
            break
        most = max(SMALLEST, most // 2)
    if needed > budget:
        raise UsageError(
            f"the budget is {budget + beside} tokens, but the protected part alone has {needed + beside}: "
            f"{len(task.kept)} entries (the system prompts, the last {task.recent} and what belongs to them)"
            f"{', with tool results as stubs' * bool(stubs)}; give a larger budget, or protect fewer recent entries"
        )
    if write is not None and draft.older:
        draft.use(write([task.older(place) for place in draft.older], draft.left))
    if task.furthest != "archive" and draft.required > draft.left:
        raise UsageError(
            f"{task.furthest} leaves every message {'that states something ' * (task.furthest == 'extract_facts')}a place "
            f"in the note, which takes {draft.required} tokens, but there is room for {draft.left}; "
            "allow the strategy archive, or give a larger budget"
        )
    older = sorted(index for place in draft.older for index in task.free[place])
    kept = sorted(set(range(len(task.entries))) - set(older))
    return Plan(kept, {**stubs, **draft.stubs}, older, draft.note.text, draft.ways(), draft.written)


def _best_draft(task: Task, room: int) -> "_Draft":
    share = int(NEWEST * room)
    if not task.has_note:  # a note is short already
        share = max(share, int((room - _HALF * task.tokens) / (1 - _HALF)))
    draft = _Draft(task, room, share)
    if draft.required > draft.left and draft.newest:
        draft = _Draft(task, room, max(0, room - _Draft(task, room, 0).required))
    if draft.has_facts_to_tell and (fillers := draft.fillers_among_newest()):
        draft = _Draft(task, room, draft.newest_tokens - fillers)
    if draft.older and draft.spare > 0 and not draft.has_facts_to_tell:
        more = _Draft(task, room, draft.newest_tokens + draft.spare)
        longer = len(more.newest) > len(draft.newest)
        draft = more if longer and more.fits and not more.has_facts_to_tell else draft
    return draft


def _with_stubs(task: Task, indexes: Iterable[int], most: int) -> tuple[dict[int, str], int]:
    """Return stubs of those of some messages that are tool results above `most` tokens, and the tokens of all of them then."""
    stubs: dict[int, str] = {}
    needed = 0
    for index in indexes:
        entry = task.entries[index]
        tokens = task.size(entry)
        if entry.role == "tool" and tokens > most:
            text = stub_of(entry, most, task.count, task.mentioned)
            if (smaller := task.size(stubbed(entry, text))) < tokens:
                stubs[index], tokens = text, smaller
        needed += tokens
    return stubs, needed


def _spoken(pieces: Sequence[Piece], text: str, asked: bool) -> list[Piece]:
    """Return a turn's pieces on a line of its speaker; asked: the turn before asks something."""
    found = []
    for number, piece in enumerate(pieces):
        said = piece.text if number else without_speaker(piece.text)
        worth = QUESTION_WORTH if "?" in said else ANSWER_WORTH if asked and number < ANSWER else 1.0
        found.append(piece._replace(text=said, worth=worth, line=piece.line._replace(head=f"{speaker_of(text)}: ")))
    return found


def _is_plain_note(entry: MemoryEntry) -> bool:
    return entry.role in ("user", "compressed") and is_note(entry.content)


def stubbed(entry: MemoryEntry, text: str) -> MemoryEntry:
    """Return a tool's result with another text; it stays the answer to its call."""
    metadata = {key: value for key in ("tool_call_id", "name") if (value := entry.kept(key)) is not None}
    return entry.model_copy(update={"content": text, "metadata": metadata})


class _Draft:
    """A plan with the newest messages in up to `share` tokens of the room."""

    def __init__(self, task: Task, room: int, share: int) -> None:
        self._task, self._size = task, task.note_size
        self.written = Written([])
        self.stubs: dict[int, str] = {}
        self.newest: list[int] = []
        """Places, the newest first."""
        self.prices: list[int] = []
        for place in range(len(task.free) - 1, -1, -1):
            stubs, price = _with_stubs(task, task.free[place], STALE)
            in_note = task.originals[task.free[place][0]].record is not None  # and stays there
            if in_note or sum(self.prices) + price > share:
                break
            self.newest.append(place)
            self.prices.append(price)
            self.stubs |= stubs
        self.newest_tokens = sum(self.prices)
        self.left = room - self.newest_tokens
        self.older = range(len(task.free) - len(self.newest))

    def use(self, written: Written) -> None:
        """Let a model's texts stand for what is ordinary in their windows."""
        self.written = written
        self.__dict__.pop("_selection", None)
        self.__dict__.pop("note", None)

    @cached_property
    def _selection(self) -> Selection:
        task = self._task
        stay = [*task.kept, *(index for place in self.newest for index in task.free[place])]
        elsewhere = set().union(*(task.known.stated(task.entries[index]) for index in stay))
        pool = Pool(self._with_texts(task.pool.told), task.is_talk, task.wanted) if self.written.windows else task.pool
        units = {unit for unit, one in enumerate(pool.told) if one.places[0] < self.older.stop}
        return Selection(pool, units, elsewhere, self.left, task.count, task.furthest)

    def _with_texts(self, told: Sequence[Told]) -> list[Told]:
        """Replace what is ordinary in a window by the sentences of the window's text."""
        task, found, way = self._task, [], self.written.strategy
        inside: set[int] = set()
        for window in self.written.windows:
            places = [place for place in self.older if window.first <= task.position(place) <= window.last]
            inside.update(places)
            turns = "turns {} to {}".format(*window.turns)
            pieces = [Piece(" ".join(s.split()), Rank.ORDINARY, Line(0, f"{turns}: ")) for s in statements_of(window.text)]
            found.append(Told([entry for place in places for entry in task.members(place)], pieces, 1.0, places, way))
        for one in told:
            if one.places[0] in inside:
                one = one._replace(pieces=[piece for piece in one.pieces if piece.rank is not Rank.ORDINARY])
            found.append(one)
        return sorted((one for one in found if one.pieces), key=lambda one: one.places[0])

    def ways(self) -> dict[int, Strategy]:
        """Return how each older original is in the note."""
        ways: dict[int, Strategy] = {}
        pool = self._selection.pool
        for unit, told in enumerate(pool.told):
            if unit in self.note.chosen:
                only_facts = pool.tells(unit, self.note.chosen[unit])
                ways |= dict.fromkeys(told.places, told.way or ("extract_facts" if only_facts else "summarize"))
        return {index: ways.get(place, "archive") for place in self.older for index in self._task.free[place]}

    def _frame(self, units: object = None) -> str:
        turns = [self._task.entries[index].turn_number for place in self.older for index in self._task.free[place]]
        return note_frame(min(turns), max(turns))

    @cached_property
    def required(self) -> int:
        """Tokens of a note with only the open requests and deeds; 0 if there are none."""
        text = self._selection.required_text(self._frame()) if self.older else ""
        return self._size(text) if text else 0

    @cached_property
    def note(self) -> Note:
        return self._selection.note(self._frame(), self.left, self._size, self._task.count) if self.older else Note()

    @property
    def spare(self) -> int:
        return self.left - (self._size(self.note.text) if self.older else 0)

    @property
    def fits(self) -> bool:
        return self.spare >= 0

    @property
    def has_facts_to_tell(self) -> bool:
        return bool(self.older) and self._selection.is_empty_with_facts(self.note.chosen)

    def fillers_among_newest(self) -> int:
        """Return the tokens of the oldest of the newest messages, up to the first that states something exact."""
        found = 0
        for place, price in zip(reversed(self.newest), reversed(self.prices), strict=True):
            if any(says_something_exact(entry.text) for entry in self._task.members(place)):
                break
            found += price
        return found

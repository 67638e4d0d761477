"""Three ways to make entries smaller, the least destructive first: summarize, extract_facts, archive.

Without a model all three are extracts, and say so (`answered_by` "rules"): summarize keeps about half of the text, the most
salient pieces; extract_facts about a quarter, only pieces with something exact or decided; archive makes one text for all
entries together, with as many pieces as fit.

Input      units of entries, each with its texts read together (see telling.py); room: tokens, by the counter.
Output     texts; stand_in(...) makes the entry that replaces the originals.
Guarantees extracts are verbatim from the input, in its order; a unit with a fact keeps at least one; archive's text is
           within its room.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from dspy_programs.memory.changes import Change, Strategy
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.originals import Record
from dspy_programs.memory.salience import Reading, parts_of

STRATEGIES: tuple[Strategy, ...] = ("summarize", "extract_facts", "archive")
SHARE = {"summarize": 0.5, "extract_facts": 0.25, "archive": 0.0}  # of the characters kept
_ROUNDS = 5
SPARE = 1.6  # the estimate of a piece's tokens is high, so this much more is picked, then cut by the exact count


class Extracts:
    """The units of a memory, read once; every strategy picks from the same pieces."""

    def __init__(self, units: Sequence[Sequence[MemoryEntry]]) -> None:
        cut = [parts_of("\n".join(entry.text for entry in unit)) for unit in units]
        self.reading = Reading([part for parts in cut for part in parts], [1.0] * sum(map(len, cut)))
        ends = list(accumulate(map(len, cut)))
        self.pieces = [list(range(end - len(parts), end)) for end, parts in zip(ends, cut, strict=True)]

    def summarize(self, unit: int) -> str:
        return self._best_of(unit, "summarize", lambda number: True)

    def extract_facts(self, unit: int) -> str:
        return self._best_of(unit, "extract_facts", self.reading.telling)

    def _best_of(self, unit: int, strategy: Strategy, wanted: Callable[[int], bool]) -> str:
        reading, numbers = self.reading, self.pieces[unit]
        room = int(SHARE[strategy] * sum(len(reading.pieces[number]) for number in numbers))
        chosen: list[int] = []
        for number in sorted(numbers, key=lambda n: -reading.worths[n] / (len(reading.pieces[n]) + 40)):
            if (len(reading.pieces[number]) <= room or not chosen) and wanted(number):  # never nothing
                chosen.append(number)
                room -= len(reading.pieces[number])
        return "\n".join(reading.pieces[number] for number in sorted(chosen))

    def archive(self, room: int, count: Callable[[str], int], head: str) -> str:
        """Return the best text of all units within `room` tokens: `head` if it fits, then pieces in order."""
        reading = self.reading
        head = head if count(head) <= room else ""

        def rendered(numbers: Iterable[int]) -> str:
            lines = [reading.pieces[number] for number in sorted(numbers)]
            return "\n".join([head, *lines] if head else lines)

        waiting = reading.best(range(len(reading.pieces)), int(room * SPARE), set())
        costs = {number: count(reading.pieces[number]) + 1 for number in waiting}
        chosen: list[int] = []
        left = room - count(head)
        for _ in range(_ROUNDS):  # lines have fewer tokens together than apart, so more may fit
            taken, waiting = within(waiting, costs, left)
            chosen += taken
            left = room - count(rendered(chosen))
            while left < 0 and chosen:
                left += costs[chosen.pop()]
                left = room - count(rendered(chosen)) if left >= 0 else left
            if not taken or not waiting:
                break
        return rendered(chosen)


def within(numbers: Sequence[int], costs: Mapping[int, int], room: int) -> tuple[list[int], list[int]]:
    """Split numbers into those that fit into the room, in order, and the rest."""
    taken: list[int] = []
    others: list[int] = []
    for number in numbers:
        fits = costs[number] <= room
        (taken if fits else others).append(number)
        room -= costs[number] * fits
    return taken, others


def stand_in(change: Change, records: list[Record]) -> MemoryEntry:
    """Return the entry that replaces all of a change's originals, in the place of the first."""
    first, last = change.originals[0], max(entry.turn_number for entry in change.originals)
    roles = {entry.chat_role for entry in change.originals}
    metadata: dict[str, Any] = {
        "original_role": roles.pop() if len(roles) == 1 and "tool" not in roles else "assistant",
        "compression_strategy": change.strategy,
        "answered_by": change.answered_by,
    }
    if len(change.originals) > 1:
        metadata |= {"turns": [first.turn_number, last], "stands_for": len(records)}
    if change.fallback is not None:
        metadata["fallback"] = change.fallback
    return MemoryEntry(
        id=first.id,
        content=change.text,
        role="compressed",
        timestamp=max(entry.timestamp for entry in change.originals),
        turn_number=first.turn_number,
        metadata=metadata,
        compression_history=records,
    )

"""Three ways to make an entry smaller, the least destructive first: summarize, extract_facts, archive.

Without a model they are extracts: summarize keeps about half of the text, the most salient pieces; extract_facts about a
quarter, only pieces with something exact or decided; archive only says what there was.

Output     extract(...): the pieces of a text that are worth most; shrunk(entry, strategy): the text that stands for an entry.
Guarantees an extract is verbatim from the text, in its order, but for control characters, and a word of more than 400
           characters, which is only measured.
"""

from collections.abc import Callable
from typing import Literal

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.salience import Reading
from dspy_programs.memory.reading.sentence_breaks import lines_in

Strategy = Literal["summarize", "extract_facts", "archive"]
STRATEGIES: tuple[Strategy, ...] = ("summarize", "extract_facts", "archive")
SHARE = {"summarize": 0.5, "extract_facts": 0.25}  # of the characters kept


def extract(
    text: str, room: int, size: Callable[[str], int] = len, *, only_facts: bool = False, never_empty: bool = False
) -> list[str]:
    """Return the most salient sentences and lines of a text that fit into the room, which is counted by `size`."""
    pieces = lines_in(text)
    reading = Reading(pieces, [1.0] * len(pieces))
    densities = reading.densities()
    chosen: list[int] = []
    for number in sorted(range(len(pieces)), key=lambda number: -densities[number]):
        price = size(pieces[number]) + 1  # and a line break
        fits = price <= room or (never_empty and not chosen)
        if fits and (reading.telling(number) or not only_facts):
            chosen.append(number)
            room -= price
    return [pieces[number] for number in sorted(chosen)]


def shrunk(entry: MemoryEntry, strategy: Strategy) -> str:
    """Return the text that stands for an entry, without a model."""
    if strategy == "archive":
        return f"[Archived {entry.role} message from turn {entry.turn_number}]"
    room = int(SHARE[strategy] * len(entry.text))
    return "\n".join(extract(entry.text, room, only_facts=strategy == "extract_facts", never_empty=True))

"""A tool's result that is too large, in few tokens: by its fields, its rows, its telling lines.

Input      an entry with a result, the room for it in tokens, a counter; and what the conversation mentions, from mentioned_in.
Output     stub_of: the parts that are worth most and that are mentioned, in their order, and how many more there are.
Guarantees never longer than `room`; never cut inside a value, a number or a word; "" if not even the mark fits.
"""

import re
from collections.abc import Callable, Collection, Iterable

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.fields import Parts, joined
from dspy_programs.memory.text_results import parts_of_result
from dspy_programs.text import quantity

_MENTIONED_WORTH = 6.0
_MENTION = re.compile(r"[A-Za-z_@#-]*\d[\w@#-]*(?:[.:/-][\w@#-]+)*|[\w.+-]+@[\w.-]+\w|[A-Z][A-Z]+\b")  # ids, numbers, codes


def mentioned_in(entries: Iterable[MemoryEntry]) -> frozenset[str]:
    """Return the ids, numbers and names that people, answers and calls mention: all but the results of tools."""
    found: set[str] = set()
    for entry in entries:
        if entry.role != "tool":
            found.update(entry.text.split())
    return frozenset(word for text in found if not (text.isalpha() and text.islower()) for word in _MENTION.findall(text))


def stub_of(entry: MemoryEntry, room: int, count: Callable[[str], int], mentioned: Collection[str] = frozenset()) -> str:
    """Return a result in at most `room` tokens.

    Args:
        entry: A tool's result.
        room: Tokens.
        count: Counts a text's tokens.
        mentioned: What the conversation mentions later; rows and fields with it go first.

    Returns:
        The result itself if it fits; "" if nothing fits.
    """
    if count(entry.content[: 40 * max(room, 1)]) <= room and len(entry.content) <= 40 * max(room, 1):
        return entry.content
    parts = parts_of_result(entry.content)
    worth = [
        part.worth + (_MENTIONED_WORTH if mentioned and _is_mentioned(part.text, mentioned) else 0.0) for part in parts.parts
    ]
    costs = [count(part.text) + 1 for part in parts.parts]
    left = room - count(_mark(parts, len(parts.parts)))
    chosen: set[int] = set()
    labels: dict[str, int] = {}
    for number in sorted(range(len(costs)), key=lambda number: -worth[number] / (costs[number] + 6)):
        under = parts.parts[number].under
        cost = costs[number] + (0 if under in labels else count(under) + 1 if under else 0)
        if cost <= left:
            chosen.add(number)
            labels[under] = 1
            left -= cost
    text = _written(parts, chosen)
    for number in sorted(chosen, key=lambda number: worth[number]):
        if count(text) <= room:
            break
        chosen.discard(number)
        text = _written(parts, chosen)
    return text if count(text) <= room else ""


def _is_mentioned(text: str, mentioned: Collection[str]) -> bool:
    return any(word in mentioned for word in _MENTION.findall(text))


def _mark(parts: Parts, left_out: int) -> str:
    more = left_out + parts.beyond
    return f"({quantity(more, f'more {parts.noun}')}; shortened, can be restored)" if more else "(shortened, can be restored)"


def _written(parts: Parts, chosen: Collection[int]) -> str:
    taken = [part for number, part in enumerate(parts.parts) if number in chosen]
    text = joined(taken, "\n" if parts.noun in ("line", "row") else " " if parts.noun == "sentence" else "; ")
    return f"{text} {_mark(parts, len(parts.parts) - len(taken))}".strip()

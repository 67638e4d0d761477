"""A tool's result that is too large, in few tokens: by its fields, its rows, its telling lines.

Input      an entry with a result, the room for it in tokens, a counter; and what the conversation mentions, from mentioned_in.
Output     stub_of: the parts that are worth most and that are mentioned, in their order, and how many more there are.
Guarantees never longer than `room`; never cut inside a value, a number or a word; "" if not even the mark fits.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.fields import MOST, Parts, joined
from dspy_programs.memory.text_results import parts_of_result, value_of
from dspy_programs.text import quantity

_MENTIONED_WORTH = 6.0
_SMALL = 6  # tokens that every part costs in the choice, so that a short part of no worth is no bargain
_COLUMNS = (MOST, 6, 4, 2)  # of a list, until enough of its rows fit
_MENTIONED_TIMES = 4
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
    value = value_of(entry.content)
    found: list[str] = []
    for columns in _COLUMNS:
        parts = parts_of_result(entry.content, value, columns)
        text, share = _best_of(parts, room, count, mentioned)
        found.append(text)
        if share == 1 or not any(part.under for part in parts.parts):
            break
    return max(found, key=lambda text: _told(text, mentioned))


def _told(text: str, mentioned: Collection[str]) -> int:
    """Count the ids, numbers and codes in a text; those that the conversation mentions several times."""
    words = set(_MENTION.findall(text))
    return len(words) + _MENTIONED_TIMES * sum(word in mentioned for word in words)


def _best_of(parts: Parts, room: int, count: Callable[[str], int], mentioned: Collection[str]) -> tuple[str, float]:
    """Return the best parts in a room, and what share of the parts they are."""
    worth = _worths(parts, mentioned)
    costs = [count(part.text) + 1 for part in parts.parts]
    left = room - count(_mark(parts, len(parts.parts)))
    chosen: set[int] = set()
    labels: set[str] = {""}
    for number in sorted(range(len(costs)), key=lambda number: -worth[number] / (costs[number] + _SMALL)):
        under = parts.parts[number].under
        cost = costs[number] + (0 if under in labels else count(under) + 1)
        if cost <= left:
            chosen.add(number)
            labels.add(under)
            left -= cost
    text = _written(parts, chosen)
    for number in sorted(chosen, key=lambda number: worth[number]):
        if count(text) <= room:
            break
        chosen.discard(number)
        text = _written(parts, chosen)
    return (text if count(text) <= room else ""), len(chosen) / max(1, len(parts.parts))


def _worths(parts: Parts, mentioned: Collection[str]) -> list[float]:
    """Return what each part is worth: more if the conversation mentions what only few of the parts say."""
    worth = [part.worth for part in parts.parts]
    if mentioned:
        said = [{word for word in _MENTION.findall(part.text) if word in mentioned} for part in parts.parts]
        times = Counter(word for words in said for word in words)
        for number, words in enumerate(said):
            worth[number] += _MENTIONED_WORTH * min(2.0, sum(1 / times[word] for word in words))
    return worth


def _mark(parts: Parts, left_out: int) -> str:
    more = left_out + parts.beyond
    return f"({quantity(more, f'more {parts.noun}')}; shortened, can be restored)" if more else "(shortened, can be restored)"


def _written(parts: Parts, chosen: Collection[int]) -> str:
    taken = [part for number, part in enumerate(parts.parts) if number in chosen]
    text = joined(taken, "\n" if parts.noun in ("line", "row") else " " if parts.noun == "sentence" else "; ")
    return f"{text} {_mark(parts, len(parts.parts) - len(taken))}".strip()

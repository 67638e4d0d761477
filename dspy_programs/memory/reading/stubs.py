"""A tool's result that is too large, in few tokens: by its fields, its rows, its telling lines.

Input      an entry with a result, the room for it in tokens, a counter; and what the conversation mentions, from mentioned_in.
Output     stub_of: the parts that are worth most and that are mentioned, in their order, and how many more there are.
Guarantees never longer than `room`, but for the mark, which always stays; never cut inside a value, a number or a word.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.endings import ending_of, reason_of
from dspy_programs.memory.reading.fields import Parts, joined
from dspy_programs.memory.reading.text_results import parts_of_result, value_of
from dspy_programs.text import quantity

_MENTIONED_WORTH = 6.0
_SMALL = 6  # tokens that every part costs in the choice, so that a short part of no worth is no bargain
_WORD_WORTH = 3.0
_LAST = 4  # requests and calls whose words count
_READ = 2_000  # characters of them
_AMPLE = 80  # tokens of a room with place for a long mark
_WHY = 40  # characters that tell a reason from others
_OWN_ID_WORTH = 6.0  # of the first id in a record: a later call needs it
_OWN_ID = re.compile(r"(?:(?<!\w)\w+_)?id: ", re.IGNORECASE)
# ids, numbers, codes
_MENTION = re.compile(
    r"(?:(?<![A-Za-z_@#-])[A-Za-z_@#-]*+)?\d[\w@#-]*(?:[.:/-][\w@#-]+)*|(?<![\w.+-])[\w.+-]++@[\w.-]+\w|[A-Z][A-Z]++\b"
)

_WORD = re.compile(r"[^\W\d_]{4,}")


def mentioned_in(entries: Sequence[MemoryEntry]) -> frozenset[str]:
    """Return the codes and names that people, answers and calls mention, and the words of the last requests and calls."""
    found: set[str] = set()
    for entry in entries:
        if entry.role != "tool":
            found.update(entry.text.split())
    codes = {word for text in found if not (text.isalpha() and text.islower()) for word in _MENTION.findall(text)}
    last = [entry.text for entry in entries if entry.role == "user" or entry.calls][-_LAST:]
    return frozenset(codes.union(*map(_words_in, last)))


def _words_in(text: str) -> set[str]:
    return set(_WORD.findall(text[:_READ].lower()))


def stub_of(entry: MemoryEntry, room: int, count: Callable[[str], int], mentioned: Collection[str] = frozenset()) -> str:
    """Return a result in at most `room` tokens.

    Args:
        entry: A tool's result.
        room: Tokens.
        count: Counts a text's tokens.
        mentioned: What the conversation mentions; rows, fields and sentences with it go first.

    Returns:
        The result itself if it fits; how much it was if nothing fits.
    """
    text = entry.content
    if count(text[: 40 * max(room, 1)]) <= room and len(text) <= 40 * max(room, 1):
        return text
    value = value_of(text)
    failed = ending_of(text, False, value) == "failed"
    parts = parts_of_result(text, value)
    best = _best_of(parts, room, count, mentioned)
    if failed and reason_of(text)[:_WHY] not in best:
        return _of_failure(text, room, count)
    return best or _beginning(parts, room, count, mentioned)


def _beginning(parts: Parts, room: int, count: Callable[[str], int], mentioned: Collection[str]) -> str:
    """Return the best part without its label, up to a word or a value, or else only how many parts there were."""
    if parts.parts:
        mark, worth = _marked(parts, len(parts.parts) - 1, room), _worths(parts, mentioned)
        text = parts.parts[worth.index(max(worth))].text
        between = " " if parts.noun in ("sentence", "line") else ", "
        stub = f"{text} {mark}"
        while text and count(stub) > room:
            text = text[: len(text) * 3 // 4].rpartition(between)[0]
            stub = f"{text} (...) {mark}"
        if text:
            return stub
    return f"({quantity(len(parts.parts) + parts.beyond, parts.noun)}; shortened)"


def _of_failure(text: str, room: int, count: Callable[[str], int]) -> str:
    """Return why a call failed, in its own words."""
    why = reason_of(text)
    words = why.split(" ")
    stub = f"{why} (shortened)"
    while words and count(stub) > room:
        words.pop()
        stub = f"{' '.join(words)} (... shortened)"
    return stub.strip()


def _best_of(parts: Parts, room: int, count: Callable[[str], int], mentioned: Collection[str]) -> str:
    """Return the best parts in a room; "" if none has room."""
    worth = _worths(parts, mentioned)
    costs = [count(part.text) + 1 for part in parts.parts]
    left = room - count(_marked(parts, len(parts.parts), room))
    chosen: set[int] = set()
    labels: set[str] = {""}
    for number in sorted(range(len(costs)), key=lambda number: -worth[number] / (costs[number] + _SMALL)):
        under = parts.parts[number].under
        cost = costs[number] + (0 if under in labels else count(under) + 1)
        if cost <= left:
            chosen.add(number)
            labels.add(under)
            left -= cost
    text = _written(parts, chosen, room)
    for number in sorted(chosen, key=lambda number: worth[number]):
        if count(text) <= room:
            break
        chosen.discard(number)
        text = _written(parts, chosen, room)
    return text if chosen and count(text) <= room else ""


def _worths(parts: Parts, mentioned: Collection[str]) -> list[float]:
    """Return what each part is worth: more if the conversation mentions what only few of the parts say."""
    worth = [part.worth for part in parts.parts]
    if (
        parts.noun == "field"
        and (own := next((n for n, part in enumerate(parts.parts) if _OWN_ID.match(part.text)), None)) is not None
    ):
        worth[own] += _OWN_ID_WORTH
    if mentioned:
        for found, most in ((_MENTION.findall, _MENTIONED_WORTH), (_words_in, _WORD_WORTH)):
            said = [{word for word in found(part.text) if word in mentioned} for part in parts.parts]
            times = Counter(word for words in said for word in words)
            for number, words in enumerate(said):
                worth[number] += most * min(2.0, sum(1 / times[word] for word in words))
    return worth


def _mark(left_out: str, room: int) -> str:
    said = [left_out] if left_out else []
    return f"({'; '.join([*said, 'shortened, can be restored'] if room >= _AMPLE or not said else said)})"


def _marked(parts: Parts, left_out: int, room: int) -> str:
    more = left_out + parts.beyond
    return _mark(quantity(more, f"more {parts.noun}") if more else "", room)


def _written(parts: Parts, chosen: Collection[int], room: int) -> str:
    taken = [part for number, part in enumerate(parts.parts) if number in chosen]
    text = joined(taken, "\n" if parts.noun in ("line", "row") else " " if parts.noun == "sentence" else "; ")
    return f"{text} {_marked(parts, len(parts.parts) - len(taken), room)}".strip()

"""A JSON value as short parts that can be kept one by one: `status: paid`, a row of a list, a sentence of a long text.

Input      a value as json.loads gives it.
Output     Parts, in the value's order, each with its worth: ids, names, amounts, states, dates and errors are worth most.
           Rows of one form share a label with their columns, and with the columns that are the same in all of them.
Guarantees no part ends inside a value or a word, and none holds a line break; at most MOST parts, the others are counted;
           linear in the value, and as deep as DEPTH levels.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from typing import Any, NamedTuple

from dspy_programs.memory.reading.compact import DEPTH, LONGEST, compact, key_of, plain, worth_of
from dspy_programs.memory.reading.sentence_breaks import first_lines_in
from dspy_programs.memory.reading.table import table_of
from dspy_programs.text import quantity

MOST = 120  # parts of a result
_ROWS = 60  # of one list
_LONGEST_TEXT = 50_000
_MOST_IN_GROUP = 6
_FADING = 0.97
_VECTOR = 20  # numbers; more in one list are no facts but data


class Part(NamedTuple):
    """Something that a result says. under: a label that is written once for neighbours that share it."""

    text: str
    under: str = ""
    worth: float = 1.0


class Parts(NamedTuple):
    """What a result says, what its parts are called, and how many more of them it has."""

    parts: list[Part]
    noun: str = "field"
    beyond: int = 0


def fields_of(value: Any) -> Parts:
    """Return the parts of a value."""
    beyond = _Beyond()
    parts = list(islice(_parts(value, "", 0, beyond, not isinstance(value, dict) or len(value) < 2), MOST + 1))
    if len(parts) > MOST:
        beyond.number += max(1, _size_of(value) - MOST)
    noun = (
        "item"
        if _holds_rows(value)
        else "field"
        if isinstance(value, dict)
        else "item"
        if isinstance(value, list)
        else "sentence"
    )
    return Parts(parts[:MOST], noun, beyond.number)


class _Beyond:
    """How many further parts there are."""

    number = 0


def _size_of(value: Any) -> int:
    return len(value) if isinstance(value, (dict, list)) else 1


def _parts(value: Any, label: str, depth: int, beyond: _Beyond, at_once: bool = True) -> Iterator[Part]:
    if at_once and not _holds_rows(value) and (short := compact(value)) is not None:
        yield Part(f"{label}: {short}" if label else short, "", worth_of(label, value))
    elif isinstance(value, str):
        yield from _of_text(value, label, beyond)
    elif isinstance(value, list):
        yield from _of_list(value, label, depth, beyond)
    elif isinstance(value, dict) and depth < DEPTH:
        if _holds_records(value):
            yield from _of_list(_records_of(value), label, depth, beyond)
            return
        for key, inner in value.items():
            yield from _parts(inner, f"{label}.{key_of(key)}" if label else key_of(key), depth + 1, beyond)
    else:
        yield Part(f"{label}: ({quantity(len(value), 'field')})" if label else f"({quantity(len(value), 'field')})", "", 0.3)


def _holds_rows(value: Any) -> bool:
    """Return whether a value is a list of records, or an object of nothing else."""
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return isinstance(value, list) and len(value) > 1 and all(isinstance(row, dict) and row for row in value[:_ROWS])


def _of_text(text: str, label: str, beyond: _Beyond) -> Iterator[Part]:
    """Yield a long text sentence by sentence."""
    found, more = first_lines_in(text, _LONGEST_TEXT)
    worth = worth_of(label, "")
    for number, sentence in enumerate(found[:_ROWS]):
        yield Part(sentence, label, (1.2 if number == 0 else 0.8) * worth)
    beyond.number += max(0, len(found) - _ROWS) + more


def _of_list(items: Sequence[Any], label: str, depth: int, beyond: _Beyond) -> Iterator[Part]:
    if len(items) > _VECTOR and all(type(item) in (int, float) for item in items[:_VECTOR]):
        yield Part(f"{label}: ({quantity(len(items), 'number')})" if label else f"({quantity(len(items), 'number')})", "", 0.4)
        return
    shown = items[:_ROWS]
    beyond.number += len(items) - len(shown)
    worth = worth_of(label, items) * 1.5
    if (groups := _groups(shown)) is not None:  # a list of lists of records: connecting flights
        shown = [row for group in groups for row in group]
    table = table_of(shown)
    if table is None:
        yield from _of_items(shown, label, worth, depth, beyond)
        return
    under = f"{label} {table[0]}" if label else table[0]
    rows = table[1]
    if groups is not None:
        ends = accumulate(map(len, groups))
        rows = [" + ".join(rows[end - len(group) : end]) for group, end in zip(groups, ends, strict=True)]
    for number, row in enumerate(rows):
        yield Part(row, under, worth * _FADING**number)
    for number, record in enumerate(shown if table[2] else []):
        for key in table[2]:
            yield from _of_text(plain(record[key]), f"{label}[{number}].{key_of(key)}", beyond)


def _of_items(items: Sequence[Any], label: str, worth: float, depth: int, beyond: _Beyond) -> Iterator[Part]:
    """Yield items of several forms one by one."""
    for number, item in enumerate(items):
        short = compact(item, 2 * LONGEST)
        if short is not None:
            yield Part(f"({short})" if isinstance(item, (dict, list)) else short, label, worth * _FADING**number)
        elif depth < DEPTH:
            yield from _parts(item, f"{label}[{number}]", depth + 1, beyond)


def _groups(items: Sequence[Any]) -> list[list[Any]] | None:
    """Return the items if each is a short list of records, else None."""
    if len(items) > 1 and all(isinstance(item, list) and 0 < len(item) <= _MOST_IN_GROUP for item in items):
        return list(items) if all(isinstance(row, dict) for item in items for row in item) else None
    return None


def _holds_records(value: dict[str, Any]) -> bool:
    """Return whether an object maps ids to records: one such record is told like a row of a list."""
    return len(value) > 1 and all(isinstance(inner, dict) for inner in islice(value.values(), _ROWS))


def _records_of(value: dict[str, Any]) -> list[Any]:
    return [inner if key in inner.values() else {"": key, **inner} for key, inner in value.items() if isinstance(inner, dict)]


def joined(parts: Sequence[Part], joint: str = "; ") -> str:
    """Join parts; those that share a label stand behind it."""
    text, under = "", ""
    for part in parts:
        if part.under and part.under == under:
            text += (" " if text.endswith((".", "!", "?", "\u3002")) else ", ") + part.text
        else:
            between = "" if not text or part.text.startswith("\n") else " " if text.endswith(":") else joint
            text += between + (f"{part.under}: {part.text}" if part.under else part.text)
        under = part.under
    return text

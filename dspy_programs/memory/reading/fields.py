"""A JSON value as short parts that can be kept one by one: `status: paid`, a row of a list, a sentence of a long text.

Input      a value as json.loads gives it.
Output     Parts, in the value's order, each with its worth: ids, names, amounts, states, dates and errors are worth most.
           Rows of one form share a label with their columns, and with the columns that are the same in all of them.
Guarantees no part ends inside a value or a word, and none holds a line break; at most MOST parts, the others are counted;
           linear in the value, and as deep as DEPTH levels.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice
from typing import Any, NamedTuple

from dspy_programs.memory.reading.sentence_breaks import first_lines_in
from dspy_programs.text import quantity

MOST = 120  # parts of a result
_ROWS = 60  # of one list
_LONGEST = 160  # characters of a part
_LONGEST_TEXT = 50_000
_LONGEST_KEY = 80
_DEPTH = 4
_MOST_IN_GROUP = 6
_FADING = 0.97
_MOST_COLUMNS = 40
_LEFT_OUT = "..."
_NONE = object()
_DIGIT = re.compile(r"\d")
_VECTOR = 20  # numbers; more in one list are no facts but data
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")

_SAYS_MOST = re.compile(
    r"(?:^|_)(?:id|ids|no|number|code|ref|reference|key|uuid|status|state|error|errors|reason|outcome)$|Id$|ID$"
)
_SAYS_LITTLE = re.compile(
    r"url|uri|link|href|image|avatar|icon|html|css|etag|hash|cursor|token_usage|embedding|vector|locale|_links|metadata|raw|"
    r"schema|base64|trace_id|span_id",
    re.IGNORECASE,
)


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


def plain(text: str) -> str:
    """Return a text on one line, without control characters."""
    return text.strip() if text.isprintable() else _BREAKS.sub(" ", text).strip()


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
    elif isinstance(value, dict) and depth < _DEPTH:
        if _holds_records(value):
            yield from _of_list(_records_of(value), label, depth, beyond)
            return
        for key, inner in value.items():
            yield from _parts(inner, f"{label}.{_key(key)}" if label else _key(key), depth + 1, beyond)
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
    table = _table(shown)
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
            yield from _of_text(plain(record[key]), f"{label}[{number}].{_key(key)}", beyond)


def _of_items(items: Sequence[Any], label: str, worth: float, depth: int, beyond: _Beyond) -> Iterator[Part]:
    """Yield items of several forms one by one."""
    for number, item in enumerate(items):
        short = compact(item, 2 * _LONGEST)
        if short is not None:
            yield Part(f"({short})" if isinstance(item, (dict, list)) else short, label, worth * _FADING**number)
        elif depth < _DEPTH:
            yield from _parts(item, f"{label}[{number}]", depth + 1, beyond)


def _groups(items: Sequence[Any]) -> list[list[Any]] | None:
    """Return the items if each is a short list of records, else None."""
    if len(items) > 1 and all(isinstance(item, list) and 0 < len(item) <= _MOST_IN_GROUP for item in items):
        return list(items) if all(isinstance(row, dict) for item in items for row in item) else None
    return None


def compact(value: Any, room: int = _LONGEST, depth: int = 0) -> str | None:
    """Return a value in at most `room` characters, or None if it is longer or nested too deeply."""
    if isinstance(value, str):
        return (plain(value) or '""') if len(value) <= room else None
    if value is None or isinstance(value, (bool, int, float)):
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else _number(value)
    if depth > _DEPTH or 3 * len(value) > room + 6:
        return None
    texts: list[str] = []
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("name"), str):
            return compact(value["name"], room)
        for key, inner in value.items():
            if (text := compact(inner, room, depth + 1)) is None:
                return None
            texts.append(f"{_key(key)}: {text}")
            room -= len(texts[-1]) + 2
            if room < 0:
                return None
        joined = ", ".join(texts)
        return joined if depth == 0 and joined else f"{{{joined}}}"
    for inner in value:
        if (text := compact(inner, room, depth + 1)) is None:
            return None
        texts.append(text)
        room -= len(text) + 2
        if room < 0:
            return None
    return f"[{', '.join(texts)}]"


def _number(value: float) -> str:
    return str(value) if not isinstance(value, int) or abs(value) < 10**300 else "(a large number)"


@lru_cache(maxsize=4096)
def _key(key: str) -> str:
    text = plain(str(key))
    return text if len(text) <= _LONGEST_KEY else text[:_LONGEST_KEY].rsplit(" ", 1)[0]


def _holds_records(value: dict[str, Any]) -> bool:
    """Return whether an object maps ids to records: one such record is told like a row of a list."""
    return len(value) > 1 and all(isinstance(inner, dict) for inner in islice(value.values(), _ROWS))


def _records_of(value: dict[str, Any]) -> list[Any]:
    return [inner if key in inner.values() else {"": key, **inner} for key, inner in value.items() if isinstance(inner, dict)]


def _table(rows: Sequence[Any]) -> tuple[str, list[str], list[str]] | None:
    """Return the columns that all rows have, each row without them, and the columns whose texts are too long for a row.

    What only some rows have stands in these with its name. None if the rows have no column in common.
    """
    if len(rows) < 2 or not all(isinstance(row, dict) for row in rows):
        return None
    shapes = [_fields_in(row) for row in rows]
    first, keys = rows[0], [key for key in rows[0] if all(shape.get(key, _NONE) == shapes[0][key] for shape in shapes)]
    if not keys or any(shape is None for each in shapes for shape in each.values()):
        return None
    same = [key for key in keys if all(row[key] == first[key] for row in rows[1:])]
    if len(same) == len(keys):
        same = []
    cells = {key: [_cell(row[key]) for row in rows] for key in keys if key not in same}
    long = [key for key in cells if None in cells[key] and all(isinstance(row[key], str) for row in rows)]
    told = [key for key in cells if key not in long]
    if not told or any(None in cells[key] for key in told):
        return None
    header = ", ".join(_column(key, first[key]) for key in told)
    header += f"; all {', '.join(f'{_key(key)}: {compact(first[key]) or _LEFT_OUT}' for key in same)}" if same else ""
    texts = []
    for place, row in enumerate(rows):
        own = [f"{_key(key)}: {_cell(row[key]) or _LEFT_OUT}" for key in row if key not in keys]
        texts.append(f"({', '.join([*(str(cells[key][place]) for key in told), *own])})")
    return f"({header})", texts, long


def _fields_in(row: dict[str, Any]) -> dict[str, object]:
    """Return the shape of each field; a row of too many fields has none that can be shared."""
    return {key: _shape(value, 1) for key, value in row.items()} if len(row) <= _MOST_COLUMNS else {"": None}


def _shape(value: Any, depth: int = 0) -> object:
    """Return what must be alike for two values to share one label; None if it cannot."""
    if not isinstance(value, dict):
        return "list" if isinstance(value, list) else ""
    if len(value) > _MOST_COLUMNS or depth > 1:
        return None
    inner = tuple((key, _shape(each, depth + 1)) for key, each in value.items())
    return None if any(shape is None for _, shape in inner) else inner


def _column(key: str, value: Any) -> str:
    return f"{_key(key)} {{{', '.join(map(_key, value))}}}" if isinstance(value, dict) and value else _key(key) or "key"


def _cell(value: Any) -> str | None:
    if isinstance(value, dict) and value:
        texts = [compact(each) for each in value.values()]
        return None if None in texts else f"{{{', '.join(map(str, texts))}}}"
    return compact(value)


@lru_cache(maxsize=4096)
def _worth_of_key(key: str) -> float:
    last = key.rpartition(".")[2]
    if _SAYS_LITTLE.search(last):
        return 0.4
    return 3.0 if _SAYS_MOST.search(last) else 1.0


def worth_of(key: str, value: Any) -> float:
    """Return what a field is worth, by its name and its value: of records, by the best of their own fields."""
    if value is None or value == [] or value == {} or value is False:
        return 0.3
    worth = _worth_of_key(key)
    first = value[0] if isinstance(value, list) else value
    if isinstance(first, dict):
        return max([worth, *(_worth_of_key(_key(inner)) for inner in islice(first, 20))])
    if value is True or value == 0:
        return 0.6 * worth
    exact = isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= _LONGEST and _DIGIT.search(value))
    return worth + (0.5 if exact else 0.0)


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

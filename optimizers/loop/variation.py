"""A labelled row with new content: values that the request names are replaced by others of their kind, wherever they stand.

"Refund order 1182 for ann" -> refund(order=1182, to="ann") becomes "Refund order 7305 for leo" -> refund(order=7305, to="leo").
The words around the values stay, so the answer is as right as it was.

Input      a row of the actor or the planner, as a harvest writes it.
Guarantees the same draw gives the same row; tools, names of tools and names of fields are never changed, nor is a value of the
           answer that the request does not name just so: what it depends on ("December 7" for a date) would not change with it.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ASKED = {"actor": "task", "planner": "goal"}
"""Where a row says what is wanted, for each program whose rows can be varied."""
ANSWER = {"actor": "calls", "planner": "tasks"}
_SHORTEST = 2  # characters of a value
_MOST_WORDS = 8
_MAY_BE_CUT = 45  # characters of a title from which its last value may lack its end
_FEWEST_DIGITS = 3  # of a number that can be any other
_DIGIT = re.compile(r"\d")
_DATE_OR_TIME = re.compile(r"\d{1,4}[-/.:]\d{1,2}(?:[-/.:]\d{1,4})?")
_VARIED = {"trajectory": ("content", "tool_input", "tool_output"), "calls": ("accepted",), "tasks": ("title",)}

Row = Mapping[str, Any]
Pool = Mapping[str, list[str]]
"""Values by their kind: a tool and its argument."""


def pool_of(module: str, rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return the values in the answers of rows that their requests name, by kind, each once."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for kind, value in named_values(module, row):
            found.setdefault(kind, {})[value] = None
    return {kind: list(values) for kind, values in found.items()}


def varied(module: str, row: Row, pool: Pool, draw: random.Random) -> dict[str, Any] | None:
    """Return the row with other values; None if none of those that it names could be another."""
    new: dict[str, str] = {}
    values = {value: kind for kind, value in named_values(module, row)}
    for value, kind in values.items():
        if other := _other(value, pool.get(kind, ()), {*values, *new.values()}, draw):
            new[value.lower()] = other
    if not new or any(_word(one).search(two) for one in values for two in values if one != two):
        return None  # nothing to vary, or one value is a part of another
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, new))})(?!\w)", re.IGNORECASE)
    made = dict(row)
    for name in ("task", "goal", "context"):
        if name in made:
            made[name] = _replaced(made[name], pattern, new)
    for name, fields in _VARIED.items():
        if name in made:
            made[name] = [
                {key: _replaced(value, pattern, new) if key in fields else value for key, value in each.items()}
                for each in made[name]
            ]
    return made


def named_values(module: str, row: Row) -> Iterator[tuple[str, str]]:
    """Yield the values of an answer that the request names just so, each with its kind."""
    asked = str(row[ASKED[module]])
    for kind, value in _values_in(module, row, asked):
        if len(value) >= _SHORTEST and len(value.split()) <= _MOST_WORDS and re.search(_bounded(value), asked):
            yield kind, value


def lost_value(module: str, row: Row, before: Row) -> str:
    """Return a value that the request named before, and does not any more; "" if there is none."""
    now = str(row[ASKED[module]])
    return next((value for _, value in named_values(module, before) if not _word(value).search(now)), "")


def _values_in(module: str, row: Row, asked: str) -> Iterator[tuple[str, str]]:
    if module == "planner":
        for task in row["tasks"]:
            told = str(task["title"]).partition(": ")[2]
            found = [told] if told and re.search(_bounded(told), asked) else told.split(", ")
            if len(str(task["title"])) >= _MAY_BE_CUT:
                found.pop()
            yield from ((str(task["tool"]), value) for value in found)
        return
    for call in row["calls"]:
        for name, accepted in call["accepted"].items():
            yield from ((f"{call['tool']}.{name}", value) for value in _leaves(accepted))
    for turn in row.get("trajectory") or ():
        given = turn.get("tool_input")
        for name, value in given.items() if isinstance(given, dict) else ():
            yield from ((f"{turn.get('tool_name')}.{name}", leaf) for leaf in _leaves(value))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _other(value: str, known: Iterable[str], taken: Iterable[str], draw: random.Random) -> str:
    """Return another value of the kind and form; "" if there is none."""
    if len(_DIGIT.findall(value)) >= _FEWEST_DIGITS and not _DATE_OR_TIME.search(value):
        return "".join(_digit(each, draw, first=at == 0) if each.isdigit() else each for at, each in enumerate(value))
    used = {each.lower() for each in taken}
    alike = [each for each in known if _form(each) == _form(value) and each.lower() not in used]
    return draw.choice(alike) if alike else ""


def _form(value: str) -> tuple[str, bool, bool]:
    """Return what two values of one kind share: where digits are, whether it is a word or several, and a capital in front."""
    shape = "".join("0" if each.isdigit() else each for each in value) if _DIGIT.search(value) else ""
    return shape, " " in value, value[0].isupper()


def _digit(old: str, draw: random.Random, first: bool) -> str:
    return str(draw.randint(1, 9)) if first and old != "0" else str(draw.randint(0, 9))


def _bounded(value: str) -> str:
    return rf"(?<!\w){re.escape(value)}(?!\w)"


def _word(value: str) -> re.Pattern[str]:
    return re.compile(_bounded(value), re.IGNORECASE)


def _replaced(value: Any, pattern: re.Pattern[str], new: Mapping[str, str]) -> Any:
    """Replace in every text of a JSON value; a number stays a number, and names of fields stay."""
    if isinstance(value, str):
        return pattern.sub(lambda found: _as_written(new[found[0].lower()], found[0]), value)
    if isinstance(value, list):
        return [_replaced(each, pattern, new) for each in value]
    if isinstance(value, dict):
        return {name: _replaced(each, pattern, new) for name, each in value.items()}
    if isinstance(value, (int, float)) and not isinstance(value, bool) and (other := new.get(str(value).lower())):
        return type(value)(other)
    return value


def _as_written(value: str, old: str) -> str:
    """Return a value with a capital in front if, and only if, the old one has one there."""
    return (value[0].upper() if old[0].isupper() else value[0].lower()) + value[1:]

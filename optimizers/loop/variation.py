"""A labelled row with new content: values of the right answer are replaced by others of their kind, wherever they stand.

"Refund order 1182 for Ann" -> refund(order=1182, to="Ann") becomes "Refund order 7305 for Leo" -> refund(order=7305, to="Leo").
The words around the values stay, so the answer is as right as it was.

Input      a row of the actor or the planner, as a harvest writes it.
Guarantees the same draw gives the same row; tools, names of tools and names of fields are never changed.
Limits     a value that the request does not name literally ("next Monday" for a date) stays as it is. A row without a value
           that could be another gives none.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ASKED = {"actor": "task", "planner": "goal"}
"""Where a row says what is wanted, for each program whose rows can be varied."""
ANSWER = {"actor": "calls", "planner": "tasks"}
_SHORTEST = 2  # characters of a value
_MOST_WORDS = 6
_FEWEST_DIGITS = 3  # of a number that can be any other
_DIGIT = re.compile(r"\d")
_DATE_OR_TIME = re.compile(r"\d{1,4}[-/.:]\d{1,2}(?:[-/.:]\d{1,4})?")
_VARIED = {"trajectory": ("content", "tool_input", "tool_output"), "calls": ("accepted",), "tasks": ("title",)}

Row = Mapping[str, Any]
Pool = Mapping[str, list[str]]
"""Values by their kind: a tool and its argument."""


def pool_of(module: str, rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return the values in the answers of rows, by kind, each once."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for kind, value in values_in(module, row):
            found.setdefault(kind, {})[value] = None
    return {kind: list(values) for kind, values in found.items()}


def varied(module: str, row: Row, pool: Pool, draw: random.Random) -> dict[str, Any] | None:
    """Return the row with other values; None if none of those that it asks about could be another."""
    asked = str(row[ASKED[module]])
    new: dict[str, str] = {}
    for kind, value in values_in(module, row):
        key = value.lower()
        if key not in new and (other := _other(value, pool.get(kind, ()), draw)):
            new[key] = other
    named = [value for value in new if _word(value).search(asked)]
    if not named or len({new[value].lower() for value in named}) < len(named):
        return None  # nothing to vary, or two values that became one
    pattern = _any_of(new)
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


def values_in(module: str, row: Row) -> Iterator[tuple[str, str]]:
    """Yield the values that an answer consists of, each with its kind."""
    if module == "planner":
        for task in row["tasks"]:
            said = str(task["title"]).partition(": ")[2]
            yield from ((str(task["tool"]), value) for value in said.split(", ") if _can_vary(value))
        return
    for call in row["calls"]:
        for name, accepted in call["accepted"].items():
            yield from ((f"{call['tool']}.{name}", value) for value in _leaves(accepted) if _can_vary(value))
    for turn in row.get("trajectory") or ():
        given = turn.get("tool_input")
        for name, value in given.items() if isinstance(given, dict) else ():
            yield from ((f"{turn.get('tool_name')}.{name}", leaf) for leaf in _leaves(value) if _can_vary(leaf))


def lost_value(module: str, row: Row, before: Row) -> str:
    """Return a value that the answer needs and the request no longer names though it did; "" if none is lost."""
    was, now = str(before[ASKED[module]]), str(row[ASKED[module]])
    needed = (value for _, value in values_in(module, before) if _word(value).search(was))
    return next((value for value in needed if not _word(value).search(now)), "")


def _can_vary(value: str) -> bool:
    return len(value) >= _SHORTEST and len(value.split()) <= _MOST_WORDS and "\n" not in value


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _other(value: str, known: Iterable[str], draw: random.Random) -> str:
    """Return another value of the kind; "" if there is none. One with digits keeps its form."""
    form = _DIGIT.sub("0", value)
    alike = [
        each for each in known if each.lower() != value.lower() and bool(_DIGIT.search(each)) == bool(_DIGIT.search(value))
    ]
    if not _DIGIT.search(value):
        return draw.choice(alike) if alike else ""
    if len(_DIGIT.findall(value)) >= _FEWEST_DIGITS and not _DATE_OR_TIME.search(value):
        made = "".join(_digit(each, draw, first=at == 0) if each.isdigit() else each for at, each in enumerate(value))
        return made if made != value else ""
    same_form = [each for each in alike if _DIGIT.sub("0", each) == form]
    return draw.choice(same_form) if same_form else ""


def _digit(old: str, draw: random.Random, first: bool) -> str:
    return str(draw.randint(1, 9)) if first and old != "0" else str(draw.randint(0, 9))


def _word(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(value)}(?!\w)", re.IGNORECASE)


def _any_of(values: Iterable[str]) -> re.Pattern[str]:
    longest = sorted(values, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", re.IGNORECASE)


def _replaced(value: Any, pattern: re.Pattern[str], new: Mapping[str, str]) -> Any:
    """Replace in every text of a JSON value; a number stays a number, and names of fields stay."""
    if isinstance(value, str):
        return pattern.sub(lambda found: new[found[0].lower()], value)
    if isinstance(value, list):
        return [_replaced(each, pattern, new) for each in value]
    if isinstance(value, dict):
        return {name: _replaced(each, pattern, new) for name, each in value.items()}
    if isinstance(value, (int, float)) and not isinstance(value, bool) and (other := new.get(str(value).lower())):
        return type(value)(other)
    return value

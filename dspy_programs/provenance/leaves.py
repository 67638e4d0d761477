"""The texts, numbers and lengths of lists in a JSON value, or in a text that is one. Linear, and as deep as the value is."""

import json
import re
from typing import Any, NamedTuple

_LONGEST_JSON = 2_000_000  # characters of a text that is read as JSON
_LONGEST_NUMBER = 20  # characters of a string that is a number
_NUMBER = re.compile(r"[1-9]\d{0,9}(?:\.\d{1,6})?|0\.\d{1,6}|0")
_ESCAPED = re.compile(r"\\[nrt\"]")


class Leaves(NamedTuple):
    """texts: strings and keys; numbers: those of JSON, by their key; counts: the lengths of lists and objects."""

    texts: list[str]
    numbers: dict[str, list[float]]
    counts: list[int]


def leaves_of(value: Any) -> Leaves:
    """Return what stands in a value; a text that holds JSON is read as JSON."""
    found = Leaves([], {}, [])
    left: list[tuple[str, Any]] = [("", _read(value) if isinstance(value, str) else value)]
    while left:
        key, inner = left.pop()
        if isinstance(inner, str):
            found.texts.append(inner)
            if key and len(inner) <= _LONGEST_NUMBER and _NUMBER.fullmatch(inner):
                found.numbers.setdefault(key, []).append(float(inner))
        elif isinstance(inner, bool) or inner is None:
            continue
        elif isinstance(inner, (int, float)):
            found.numbers.setdefault(key, []).append(inner)
            found.texts.append(str(inner))
        elif isinstance(inner, dict):
            found.counts.append(len(inner))
            found.texts.extend(name for name in inner if isinstance(name, str))
            left.extend([(str(name), each) for name, each in reversed(inner.items())])
            if len(plain := [each for each in inner.values() if type(each) in (int, float)]) > 2:
                found.numbers.setdefault(f"{key} {{}}", []).extend(plain)  # a table of one row: its sum is of interest
        elif isinstance(inner, (list, tuple)):
            found.counts.append(len(inner))
            left.extend([(key, each) for each in reversed(inner)])
    return found


def _read(text: str) -> Any:
    start = text.lstrip()[:1]
    if start in ("{", "[") and len(text) <= _LONGEST_JSON:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return _ESCAPED.sub(" ", text) if "\\" in text else text

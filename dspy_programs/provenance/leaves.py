"""The texts, numbers and lengths of lists in a JSON value, or in a text that is one. Linear, and as deep as the value is."""

import json
import re
from typing import Any, NamedTuple

_LONGEST_JSON = 2_000_000  # characters of a text that is read as JSON
_ESCAPED = re.compile(r"\\[nrt\"]")


class Leaves(NamedTuple):
    """texts: strings and keys; numbers: those of JSON; counts: the lengths of lists and objects."""

    texts: list[str]
    numbers: list[float]
    counts: list[int]


def leaves_of(value: Any) -> Leaves:
    """Return what stands in a value; a text that holds JSON is read as JSON."""
    found = Leaves([], [], [])
    if isinstance(value, str):
        value = _read(value)
    left = [value]
    while left:
        inner = left.pop()
        if isinstance(inner, str):
            found.texts.append(inner)
        elif isinstance(inner, bool) or inner is None:
            continue
        elif isinstance(inner, (int, float)):
            found.numbers.append(inner)
        elif isinstance(inner, dict):
            found.counts.append(len(inner))
            found.texts.extend(key for key in inner if isinstance(key, str))
            left.extend(reversed(list(inner.values())))
        elif isinstance(inner, (list, tuple)):
            found.counts.append(len(inner))
            left.extend(reversed(inner))
    return found


def _read(text: str) -> Any:
    start = text.lstrip()[:1]
    if start in ("{", "[") and len(text) <= _LONGEST_JSON:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return _ESCAPED.sub(" ", text) if "\\" in text else text

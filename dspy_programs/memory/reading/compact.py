"""A JSON value on one line.

Output     plain: a text without line breaks and control characters. compact: a value in a room, or None. key_of: a key of a
           record. worth_of: what a field is worth, by its name and its value.
Guarantees none ends inside a value; as deep as DEPTH levels.
"""

import re
from functools import lru_cache
from itertools import islice
from typing import Any

LONGEST = 160  # characters of a part
DEPTH = 4
_LONGEST_KEY = 80
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")

_SAYS_MOST = re.compile(
    r"(?:^|_)(?:id|ids|no|number|code|ref|reference|key|uuid|status|state|error|errors|reason|outcome)$|Id$|ID$"
)
_SAYS_LITTLE = re.compile(
    r"url|uri|link|href|image|avatar|icon|html|css|etag|hash|cursor|token_usage|embedding|vector|locale|_links|metadata|raw|"
    r"schema|base64|trace_id|span_id",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """Return a text on one line, without control characters."""
    return text.strip() if text.isprintable() else _BREAKS.sub(" ", text).strip()


def compact(value: Any, room: int = LONGEST, depth: int = 0) -> str | None:
    """Return a value in at most `room` characters, or None if it is longer or nested too deeply."""
    if isinstance(value, str):
        return (plain(value) or '""') if len(value) <= room else None
    if value is None or isinstance(value, (bool, int, float)):
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else _number(value)
    if depth > DEPTH or 3 * len(value) > room + 6:
        return None
    texts: list[str] = []
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("name"), str):
            return compact(value["name"], room)
        for key, inner in value.items():
            if (text := compact(inner, room, depth + 1)) is None:
                return None
            texts.append(f"{key_of(key)}: {text}")
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
def key_of(key: str) -> str:
    text = plain(str(key))
    return text if len(text) <= _LONGEST_KEY else text[:_LONGEST_KEY].rsplit(" ", 1)[0]


@lru_cache(maxsize=4096)
def worth_of_key(key: str) -> float:
    last = key.rpartition(".")[2]
    if _SAYS_LITTLE.search(last):
        return 0.4
    return 3.0 if _SAYS_MOST.search(last) else 1.0


def worth_of(key: str, value: Any) -> float:
    """Return what a field is worth, by its name and its value: of records, by the best of their own fields."""
    if value is None or value == [] or value == {} or value is False:
        return 0.3
    worth = worth_of_key(key)
    first = value[0] if isinstance(value, list) else value
    if isinstance(first, dict):
        return max([worth, *(worth_of_key(key_of(inner)) for inner in islice(first, 20))])
    return worth

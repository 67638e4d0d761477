"""Any value in a run as plain JSON: dates, objects, bytes, NaN and lone surrogates become text.

Input      value: anything; the values of a decoded JSON file or of a running program.
Output     a value that `json.dumps` writes and any reader accepts. Keys are strings; sets become sorted lists.
Guarantees never raises, whatever the value; anything nested deeper than DEEPEST levels, or containing itself, is replaced by
           a note that says so.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

DEEPEST = 100  # levels
_HALF_PAIR = re.compile(rb"(?i)\\ud[89a-f]")  # or half of a whole one
_LONGEST_INT = 1000  # bits; more cannot be printed in decimal by default


def to_jsonable(value: Any, around: tuple[int, ...] = ()) -> Any:
    """Return `value` as JSON. `around`: ids of the containers around it."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return sound(str.__str__(value))
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _LONGEST_INT else hex(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if not isinstance(value, (Mapping, list, tuple, set, frozenset, BaseModel)):
        return text_of_object(value)
    if id(value) in around:
        return "(contains itself)"
    if len(around) >= DEEPEST:
        return f"(nested deeper than {DEEPEST} levels)"
    inside = (*around, id(value))
    if isinstance(value, BaseModel):
        return {name: to_jsonable(getattr(value, name), inside) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return _plain_mapping(value, inside)
    items = sorted(value, key=text_of_object) if isinstance(value, (set, frozenset)) else value
    return [to_jsonable(item, inside) for item in items]


def _plain_mapping(value: Mapping[Any, Any], inside: tuple[int, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, item in value.items():
        name = sound(key) if isinstance(key, str) else text_of_object(key)
        while name in made:  # 1 and "1" are two keys
            name += "_"
        made[name] = to_jsonable(item, inside)
    return made


def sound(text: str) -> str:
    """Replace lone surrogates, which no file or request can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def sound_json(body: bytes) -> bytes:
    """Return JSON without lone surrogates; what is no JSON comes back as it is, and so does what has none."""
    if _HALF_PAIR.search(body) is None:
        return body
    try:
        return json.dumps(to_jsonable(json.loads(body)), allow_nan=False).encode()
    except (ValueError, RecursionError):
        return body


def text_of_object(value: Any) -> str:
    try:
        return sound(str(value))
    except Exception as error:  # __str__ may run any code, and recording must not end a run
        return f"({type(value).__name__}, which cannot be shown: {type(error).__name__})"

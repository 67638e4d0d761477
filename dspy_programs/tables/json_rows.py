"""Rows of JSON lines, and the values that a row may have.

Guarantees a row is JSON that any reader takes: no NaN, no key twice in an object, no half of a surrogate pair.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.tables.lines import decoded, lines_of, place_of
from dspy_programs.tables.row import Found, one_line, tried

_HALF_PAIR = re.compile(r"(?i)\\ud[89a-f]")  # or half of a whole one


def json_lines(path: Path) -> Iterator[Found]:
    """Yield one object per line; blank lines are skipped, CRLF works like LF."""
    place = place_of(path)
    for number, line in lines_of(path):
        if not line.isspace():
            where = f"{place}:{number}"
            yield tried(where, number, line, _fields_in, line)


def _fields_in(where: str, line: bytes) -> dict[str, Any]:
    value = parsed(where, decoded(where, line).rstrip())
    return an_object(where, value, "; if the file is one list, name it .json")


def parsed(where: str, text: str) -> Any:
    try:
        value = STRICT.decode(text)
        require_sendable(value, text)
    except (ValueError, RecursionError) as error:
        raise not_json(where, error, text) from error
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {one_line(twice, 60)!r} appears twice")
    return made


def refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


STRICT = json.JSONDecoder(parse_constant=refused, object_pairs_hook=_once)


def require_sendable(value: Any, text: str) -> None:
    if _HALF_PAIR.search(text):
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is JSON, but cannot be sent as text


def not_json(where: str, error: Exception, text: str = "") -> DatasetError:
    if isinstance(error, json.JSONDecodeError):
        ends = "; its lines end in CR only, save it with LF" if "\r" in text and "\n" not in text else ""
        at = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        return DatasetError(f"{where}: row: not JSON: {error.msg.removesuffix(' at')}, {at}{ends}")
    return DatasetError(f"{where}: row: not JSON: {one_line(error)}")


def an_object(where: str, value: Any, advice: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        hint = advice if isinstance(value, list) else ""
        raise DatasetError(f"{where}: row: must be a JSON object, not {type(value).__name__}{hint}")
    return value

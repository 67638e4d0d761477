"""Single values of a log as all formats need them: ids, times, JSON in a text, a tool's error.

Guarantees nothing raises, whatever the value. A time without a zone is UTC: a log reads the same on every machine.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dspy_programs.jsonable import to_jsonable

_FINER = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # a number of at least so much counts nano-, micro-, milliseconds


def decoded(given: Any) -> Any:
    """Decode arguments given as JSON text; keep the text if it is not JSON: that is the failure."""
    if not isinstance(given, str):
        return given
    if not given.strip():
        return {}
    try:
        return to_jsonable(json.loads(given))
    except (ValueError, RecursionError):
        return given


def json_of(value: Any) -> Any:
    """Decode an object or a list in a text; any other text stays."""
    return decoded(value) if isinstance(value, str) and value.lstrip()[:1] in ("[", "{") else value


def marked(output: Any, error: Any) -> Any:
    """Keep that a tool reported an error: its output is then {"error": what it said}."""
    if not error or (isinstance(output, dict) and output.get("error")):
        return output
    if isinstance(error, dict):
        error = error.get("message") or error
    if error is True or not output or error == output:
        return {"error": output or error}
    return {"error": error, "output": output}


def seconds_of(value: Any) -> float | None:
    """Read a time in seconds since 1970: ISO 8601, or a number of seconds or a finer unit."""
    if isinstance(value, str):
        if not value.isdecimal():
            return _seconds_of_text(value[:40])
        value = int(value[:30])
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value / next((unit for least, unit in _FINER if value >= least), 1)


def _seconds_of_text(text: str) -> float | None:
    try:
        time = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def latency_between(start: float | None, end: float | None) -> float | None:
    """Return the milliseconds from one time to a later one, both in seconds; None if either is missing."""
    if start is None or end is None or end < start:
        return None
    return finite(round((end - start) * 1000, 3))


def finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def milliseconds(raw: Mapping[str, Any]) -> float | None:
    value = next((raw[key] for key in ("latency_ms", "duration_ms") if raw.get(key) is not None), None)
    return float(value) if isinstance(value, (int, float)) and value >= 0 else None


def text_id(raw: Mapping[str, Any], *keys: str) -> str | None:
    return next((str(raw[key]) for key in keys if isinstance(raw.get(key), (str, int)) and raw[key] != ""), None)


def first_text(raw: Any, *keys: str) -> str | None:
    """Return the first of these fields that is a text and not empty."""
    if not isinstance(raw, dict):
        return None
    return next((raw[key] for key in keys if isinstance(raw.get(key), str) and raw[key]), None)


def error_text(error: Any) -> str | None:
    """Return what an error says as one text: an error may be a text, or an object with a message; None for no error."""
    if not error:
        return None
    if isinstance(error, dict):
        kind, said = first_text(error, "type", "code", "name"), first_text(error, "message", "reason", "detail", "description")
        if kind and said and kind not in said:
            return f"{kind}: {said}"
        error = said or kind or error
    return error if isinstance(error, str) else "failed" if error is True else json.dumps(error, ensure_ascii=False)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def kind_of(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else type(value).__name__)


def keys_of(raw: Mapping[str, Any]) -> str:
    """Name the keys of an object for a message: at most eight."""
    names = [str(key)[:40] for key in list(raw)[:8]]
    return (", ".join(names) or "none") + (", ..." if len(raw) > 8 else "")

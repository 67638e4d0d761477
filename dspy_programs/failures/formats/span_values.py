"""Spans as plain values: ids, times, attributes and events, in OTLP's JSON or as SDKs and pages print them.

Phoenix's and Arize's tables have a column for each field ("context.trace_id", "attributes.llm.model_name"); Phoenix nests
the attributes themselves ({"llm": {"model_name": ...}}). All become one flat mapping.

Source     opentelemetry.io/docs/specs/otlp (JSON), github.com/Arize-ai/phoenix (spans as data frame and by REST).
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from dspy_programs.conversation import as_dict, as_list, error_text, first_text, json_of, seconds_of, text_id

_NESTED = ("llm", "openinference", "input", "output", "tool", "gen_ai", "ai", "traceloop")
_COLUMN = "attributes."
_DEEPEST = 12
NO_WORDS = "failed"  # the error of a span that has no more than the status


class Span(NamedTuple):
    """A span, or a record of a log that belongs to one. Times in seconds; `events` are (name, attributes, body)."""

    trace_id: str
    id: str
    parent: str
    name: str
    start: float | None
    end: float | None
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any], Any]]
    error: str | None

    @property
    def is_root(self) -> bool:
        return not self.parent.strip("0")


def is_span(raw: Any) -> bool:
    if not isinstance(raw, dict) or "body" in raw:
        return False
    if any(key.startswith("context.") for key in raw) and any(key.startswith(_COLUMN) for key in raw):
        return True
    return "attributes" in raw and bool({"spanId", "span_id", "traceId", "trace_id", "context", "span_context"} & raw.keys())


def span_of(raw: dict[str, Any]) -> Span:
    inner = as_dict(raw.get("context") or raw.get("span_context"))
    ids = {key.removeprefix("context."): value for key, value in raw.items() if key.startswith("context.")} | inner | raw
    return Span(
        trace_id=text_id(ids, "traceId", "trace_id") or "",
        id=text_id(ids, "spanId", "span_id") or "",
        parent=text_id(raw, "parentSpanId", "parent_span_id", "parent_id") or "",
        name=str(raw.get("name") or ""),
        start=_time_of(raw, "startTimeUnixNano", "start_time"),
        end=_time_of(raw, "endTimeUnixNano", "end_time"),
        attributes=_flat(raw),
        events=[
            (name_of(event), attributes_of(event), None) for event in as_list(raw.get("events")) if isinstance(event, dict)
        ],
        error=_error_of(raw),
    )


def name_of(event: dict[str, Any]) -> str:
    """Return the name of an event, or of a log record, which may have it among its attributes."""
    name = first_text(event, "name", "event_name", "eventName")
    return name or str(attributes_of(event).get("event.name") or "")


def _time_of(raw: dict[str, Any], nanoseconds: str, other: str) -> float | None:
    """Read a time: nanoseconds however small, [seconds, nanoseconds] of the JavaScript SDK, or any other form."""
    exact = raw.get(nanoseconds, raw.get(f"{other}_unix_nano"))
    value = raw.get(other) if exact is None else exact
    if exact is not None and isinstance(value, str) and value.isdecimal():
        value = int(value[:30])
    if exact is not None and isinstance(value, int):
        return value / 1e9
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, (int, float)) for part in value):
        return value[0] + value[1] / 1e9
    return seconds_of(value)


def _error_of(raw: dict[str, Any]) -> str | None:
    """Return what a span with the status ERROR says: of its exception, or in its status."""
    status = raw.get("status")
    held = status if isinstance(status, dict) else {"code": status if status is not None else raw.get("status_code")}
    if held.get("code", held.get("status_code")) not in (2, "ERROR", "STATUS_CODE_ERROR"):
        return None
    for event in as_list(raw.get("events")):
        found = attributes_of(event) if isinstance(event, dict) and event.get("name") == "exception" else {}
        if said := error_text(
            {"type": found.get("exception.type"), "message": found.get("exception.message")} if found else None
        ):
            return said
    return first_text(held, "message", "description") or first_text(raw, "status_message") or NO_WORDS


def _flat(raw: dict[str, Any]) -> dict[str, Any]:
    found = {key.removeprefix(_COLUMN): value for key, value in raw.items() if key.startswith(_COLUMN)}
    for key, value in attributes_of(raw).items():
        if key in _NESTED and isinstance(value, dict):
            found.update(_joined(key, value, 0))
        else:
            found[key] = value
    kind = raw.get("span_kind")
    if isinstance(kind, str) and "openinference.span.kind" not in found and ("." not in kind):
        found["openinference.span.kind"] = kind
    return {key: value for key, value in found.items() if value is not None}


def _joined(above: str, value: dict[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{above}.{key}"
        if isinstance(inner, dict) and depth < _DEEPEST:
            yield from _joined(name, inner, depth + 1)
        else:
            yield name, inner


def attributes_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return attributes as a mapping of plain values, whether they come so or as OTLP's list of keys and typed values."""
    attributes = raw.get("attributes")
    if isinstance(attributes, list):
        return {str(one.get("key")): value_of(one.get("value")) for one in attributes if isinstance(one, dict)}
    attributes = json_of(attributes)
    return {key: value_of(value) for key, value in attributes.items()} if isinstance(attributes, dict) else {}


def value_of(value: Any) -> Any:
    """Return the value in OTLP's {"stringValue": ...}, {"intValue": "3"}, {"arrayValue": ...}, {"kvlistValue": ...}."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return int(inner) if isinstance(inner, str) and re.fullmatch(r"-?[0-9]{1,19}", inner) else inner
    if kind == "arrayValue":
        return [value_of(item) for item in as_list(inner.get("values"))] if isinstance(inner, dict) else inner
    if kind == "kvlistValue" and isinstance(inner, dict):
        return attributes_of({"attributes": inner.get("values")})
    return inner if kind in ("stringValue", "boolValue", "doubleValue", "bytesValue") else value

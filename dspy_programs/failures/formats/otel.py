"""Spans with OpenTelemetry's GenAI attributes: OTLP JSON, or lists of spans as SDKs print them. One trace per trace id.

Calls of a model tell the conversation, each with its history; spans of tools give results and times. Spans of agents are
read last: they repeat what their calls say. A run that ended with an error did not succeed; an evaluation says so too.

Source     opentelemetry.io/docs/specs/semconv/gen-ai (spans, events, agent spans), its older events gen_ai.*.message, and
           the indexed attributes gen_ai.prompt.0.content of OpenLLMetry.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.chat import as_list, decoded, marked, messages_of, parts_of, text_id
from dspy_programs.failures.formats.conversation import Message, Result, trace_of
from dspy_programs.failures.formats.history import Story
from dspy_programs.failures.formats.langsmith import seconds_of
from dspy_programs.failures.jsonable import to_jsonable
from dspy_programs.schemas import tool_names
from dspy_programs.types import Trace

_CALLS_OF_MODEL = ("chat", "text_completion", "generate_content", "completion")
_ROLE_OF_EVENT = {"gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.tool.message": "tool"}
_Span = dict[str, Any]


def is_export(raw: Any) -> bool:
    keys = ("resourceSpans", "resource_spans", "scopeSpans", "scope_spans", "spans")
    return isinstance(raw, dict) and any(isinstance(raw.get(key), list) for key in keys)


def is_span(raw: Any) -> bool:
    if not isinstance(raw, dict) or "attributes" not in raw:
        return False
    return bool({"spanId", "span_id", "traceId", "trace_id", "context", "span_context"} & raw.keys())


def spans_of(raw: Any) -> list[_Span]:
    """Return all spans of an export, of any depth of resources and scopes, as plain values."""
    if isinstance(raw, list):
        return [span for item in raw for span in spans_of(item)]
    if not isinstance(raw, dict):
        return []
    if is_span(raw):
        return [raw]
    keys = ("resourceSpans", "resource_spans", "scopeSpans", "scope_spans", "spans")
    return [span for key in keys if isinstance(raw.get(key), list) for span in spans_of(raw[key])]


def by_trace(spans: list[_Span]) -> list[list[_Span]]:
    """Group spans by their trace id, in order of the first."""
    groups: dict[str, list[_Span]] = {}
    for span in spans:
        groups.setdefault(_trace_id_of(span), []).append(span)
    return list(groups.values())


def _trace_id_of(span: _Span) -> str:
    inner = span.get("context") or span.get("span_context")
    own = text_id(span, "traceId", "trace_id")
    return own or (text_id(inner, "trace_id", "traceId") if isinstance(inner, dict) else None) or ""


def read_spans(spans: list[_Span]) -> Trace:
    """Read the spans of one trace. Raises UsageError where none of them says anything of a conversation."""
    story = Story()
    tools: list[str] = []
    is_successful: bool | None = None
    known = [(span, _attributes_of(span)) for span in spans]
    has_model = any(_is_model(attributes) for _, attributes in known)
    for _, _, span, attributes, is_end in _steps(known, has_model):
        if is_tool(attributes):
            name = str(attributes.get("gen_ai.tool.name") or span.get("name") or "(unnamed)")
            story.answer(name, decoded(attributes.get("gen_ai.tool.call.arguments")), _result_of(span, attributes))
            continue
        told, said = _messages_in(span, attributes)
        if not is_end:
            story.recall(told)
        elif has_model and _is_model(attributes):
            for message in said:
                story.say(message)
        else:
            story.recall(said)
        tools += tool_names(_json_of(attributes.get("gen_ai.tool.definitions")))
    for span, _ in known:
        if (verdict := _verdict_of(span)) is not None:
            is_successful = verdict
    if not story.messages:
        raise UsageError("the spans hold no messages; was the content of messages recorded (gen_ai.input.messages)?")
    if is_successful is None and any(_is_root(span, spans) and is_error(span) for span in spans):
        is_successful = False
    id_ = _trace_id_of(spans[0])
    return trace_of(story.messages, trace_id=id_, is_successful=is_successful, tools=tools, latencies=story.latencies)


def _steps(known: list[tuple[_Span, dict[str, Any]]], has_model: bool) -> list[tuple[float, int, _Span, dict[str, Any], bool]]:
    """Return what happened in order of time: a call of a model begins and ends, a tool ends, agents come last."""
    found: list[tuple[float, int, _Span, dict[str, Any], bool]] = []
    for place, (span, attributes) in enumerate(known):
        start, end = _times_of(span)
        if is_tool(attributes):
            found.append((end, place, span, attributes, True))
            continue
        is_late = has_model and not _is_model(attributes)
        found.append((float("inf") if is_late else start, place, span, attributes, False))
        found.append((float("inf") if is_late else end, place, span, attributes, True))
    return sorted(found, key=lambda step: (step[0], step[1]))


def _times_of(span: _Span) -> tuple[float, float]:
    """Return start and end in seconds; the start for an end that is not recorded, 0.0 where neither is."""
    start, end = (_time_of(span, *names) for names in (("startTimeUnixNano", "start_time"), ("endTimeUnixNano", "end_time")))
    return start or 0.0, end or start or 0.0


def _time_of(span: _Span, nanoseconds: str, other: str) -> float | None:
    exact = span.get(nanoseconds, span.get(f"{other}_unix_nano"))
    value = span.get(other) if exact is None else exact
    if isinstance(value, str) and value.isdigit():
        value = int(value[:30])
    if exact is not None and isinstance(value, int):
        return value / 1e9
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, (int, float)) for part in value):
        return value[0] + value[1] / 1e9  # [seconds, nanoseconds], as the JavaScript SDK prints it
    if isinstance(value, (int, float)) and value > 1e14:
        return value / 1e9
    return seconds_of(value)


def _is_model(attributes: dict[str, Any]) -> bool:
    return attributes.get("gen_ai.operation.name") in _CALLS_OF_MODEL or any(
        key.startswith(("gen_ai.prompt.", "gen_ai.completion.")) for key in attributes
    )


def is_tool(attributes: dict[str, Any]) -> bool:
    operation = attributes.get("gen_ai.operation.name")
    return operation == "execute_tool" or (operation is None and "gen_ai.tool.name" in attributes)


def _is_root(span: _Span, spans: list[_Span]) -> bool:
    parent = text_id(span, "parentSpanId", "parent_span_id", "parent_id")
    return not parent or len(spans) == 1


def is_error(span: _Span) -> bool:
    status = span.get("status")
    code = status.get("code", status.get("status_code")) if isinstance(status, dict) else None
    return code in (2, "ERROR", "STATUS_CODE_ERROR")


def _result_of(span: _Span, attributes: dict[str, Any]) -> Result:
    """Return what a tool gave. An error of the span is the result where the tool left none."""
    output = attributes.get("gen_ai.tool.call.result")
    error: Any = is_error(span) or bool(attributes.get("error.type"))
    if error and output is None:
        status = span.get("status")
        told = status.get("message", status.get("description")) if isinstance(status, dict) else None
        error = told or attributes.get("error.type") or True
    start, end = _times_of(span)
    has_times = _time_of(span, "endTimeUnixNano", "end_time") is not None and end >= start > 0
    latency = round((end - start) * 1000, 3) if has_times else None
    return Result(marked(output, error), text_id(attributes, "gen_ai.tool.call.id"), None, latency)


def _messages_in(span: _Span, attributes: dict[str, Any]) -> tuple[list[Message], list[Message]]:
    """Return what a model or an agent was told and what it said, by its attributes and its events."""
    told, said = _from_attributes(attributes)
    for event in _events_of(span):
        values, name = _attributes_of(event), str(event.get("name") or event.get("event_name") or "")
        more_told, more_said = _from_attributes(values)
        told += more_told
        said += more_said
        if name == "gen_ai.choice":
            said += messages_of([{"role": "assistant", **_choice(values)}], name)
        elif name == "gen_ai.assistant.message" or name in _ROLE_OF_EVENT:
            told += messages_of([{"role": _ROLE_OF_EVENT.get(name, "assistant"), **body(values)}], name)
    return told, said


def _choice(values: dict[str, Any]) -> dict[str, Any]:
    inner = body(values)
    message = inner.get("message")
    return message if isinstance(message, dict) else inner if message is None else {**inner, "content": message}


def body(values: dict[str, Any]) -> dict[str, Any]:
    """Decode what an event has as JSON in a text."""
    keys = ("content", "tool_calls", "message", "id", "role", "name")
    return {key: _json_of(values[key]) if key in ("tool_calls", "message") else values[key] for key in keys if key in values}


def _from_attributes(attributes: dict[str, Any]) -> tuple[list[Message], list[Message]]:
    told: list[Message] = []
    if system := _json_of(attributes.get("gen_ai.system_instructions")):
        text = "\n".join(parts_of(system).texts)
        told += [Message("system", text)] if text else []
    for key in ("gen_ai.input.messages", "gen_ai.prompt"):
        told += listed(attributes.get(key), key, "user")
    told += _indexed(attributes, "gen_ai.prompt.")
    said = [message for key in ("gen_ai.output.messages", "gen_ai.completion") for message in listed(attributes.get(key), key)]
    return told, said + _indexed(attributes, "gen_ai.completion.")


def listed(value: Any, key: str, role: str = "assistant") -> list[Message]:
    """Read messages from an attribute: a list, its JSON, or a text alone, which `role` said."""
    found = _json_of(value)
    if isinstance(found, list):
        return messages_of(found, key)
    if isinstance(found, dict):
        return messages_of([found], key)
    return messages_of([{"role": role, "content": found}], key) if isinstance(found, str) and found else []


def _indexed(attributes: dict[str, Any], prefix: str) -> list[Message]:
    """Read messages whose fields are attributes of their own: <prefix>0.role, <prefix>0.tool_calls.0.name."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        place, _, field = key.removeprefix(prefix).partition(".")
        if not key.startswith(prefix) or not place.isdigit() or not field:
            continue
        message = found.setdefault(int(place[:9]), {"role": "assistant" if "completion" in prefix else "user"})
        if field.startswith("tool_calls."):
            number, _, part = field.removeprefix("tool_calls.").partition(".")
            message.setdefault("calls", {}).setdefault(number, {})[part] = value
        else:
            message[field] = _json_of(value) if field == "content" and str(value).startswith("[{") else value
    for message in found.values():
        message["tool_calls"] = list(message.pop("calls", {}).values())
    return messages_of([message for _, message in sorted(found.items())], prefix)


def _verdict_of(span: _Span) -> bool | None:
    """Return what an evaluation says: a span or an event with gen_ai.evaluation.* attributes."""
    for values in (_attributes_of(span), *(_attributes_of(event) for event in _events_of(span))):
        label = str(values.get("gen_ai.evaluation.score.label", "")).lower()
        if label in ("pass", "passed", "correct"):
            return True
        if label in ("fail", "failed", "incorrect"):
            return False
    return None


def _events_of(span: _Span) -> Iterator[dict[str, Any]]:
    events = span.get("events")
    return (event for event in events if isinstance(event, dict)) if isinstance(events, list) else iter(())


def _attributes_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return attributes as a mapping of plain values, whether they come so or as OTLP's list of keys and typed values."""
    attributes = raw.get("attributes")
    if isinstance(attributes, list):
        return {str(one.get("key")): _value_of(one.get("value")) for one in attributes if isinstance(one, dict)}
    return {key: _value_of(value) for key, value in attributes.items()} if isinstance(attributes, dict) else {}


def _value_of(value: Any) -> Any:
    """Return the value in OTLP's {"stringValue": ...}, {"intValue": "3"}, {"arrayValue": ...}, {"kvlistValue": ...}."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return int(inner) if isinstance(inner, str) and re.fullmatch(r"-?[0-9]{1,19}", inner) else inner
    if kind == "arrayValue":
        return [_value_of(item) for item in as_list(inner.get("values"))] if isinstance(inner, dict) else inner
    if kind == "kvlistValue" and isinstance(inner, dict):
        return _attributes_of({"attributes": inner.get("values")})
    return inner if kind in ("stringValue", "boolValue", "doubleValue", "bytesValue") else value


def _json_of(value: Any) -> Any:
    """Decode JSON in a text; any other text stays."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        return to_jsonable(json.loads(value))
    except (ValueError, RecursionError):
        return value

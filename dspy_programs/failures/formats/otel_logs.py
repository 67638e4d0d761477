"""Log records of OpenTelemetry that carry messages: OTLP's resourceLogs, and records as SDKs print them.

A record becomes an event: of the span it names, where that is there; else of one that stands for the records of that span.

Source     opentelemetry.io/docs/specs/otlp (logs), specs/semconv/gen-ai/gen-ai-events.
"""

from typing import Any

from dspy_programs.conversation import json_of, seconds_of, text_id
from dspy_programs.failures.formats.span_values import Span, attributes_of, name_of, value_of

INSIDE = ("resourceLogs", "resource_logs", "scopeLogs", "scope_logs", "instrumentationLibraryLogs", "logRecords", "log_records")
_TIMES = ("timeUnixNano", "time_unix_nano", "timestamp", "observedTimeUnixNano", "observed_timestamp")


def is_log(raw: Any) -> bool:
    if not isinstance(raw, dict) or isinstance(raw.get("messages"), list):
        return False
    if "body" not in raw and not ("severityNumber" in raw or "severity_number" in raw):
        return False
    return bool({"attributes", "eventName", "event_name", "severityNumber", "severity_number"} & raw.keys())


def log_of(raw: dict[str, Any]) -> Span:
    """Return a record as a span without id and name that has it as its only event."""
    time = next((time for key in _TIMES if (time := seconds_of(raw.get(key)))), None)
    return Span(
        trace_id=text_id(raw, "traceId", "trace_id") or "",
        id="",
        parent=text_id(raw, "spanId", "span_id") or "",
        name="",
        start=time,
        end=time,
        attributes={},
        events=[(name_of(raw), attributes_of(raw), json_of(value_of(raw.get("body"))))],
        error=None,
    )


def is_records(span: Span) -> bool:
    return not span.id and not span.name and bool(span.events)


def attached(spans: list[Span]) -> list[Span]:
    """Give records to the span they name, and put those of a span that is not there together, in order of time."""
    known = {span.id: span for span in spans if span.id}
    found: list[Span] = []
    gathered: dict[str, int] = {}
    for span in sorted(spans, key=lambda span: span.start or 0.0) if any(map(is_records, spans)) else spans:
        if not is_records(span):
            found.append(span)
        elif span.parent in known:
            known[span.parent].events.extend(span.events)
        elif span.parent in gathered:
            place = gathered[span.parent]
            found[place].events.extend(span.events)
            found[place] = found[place]._replace(end=span.end)
        else:
            if span.parent:
                gathered[span.parent] = len(found)
            found.append(span)
    return found

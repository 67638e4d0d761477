"""Spans and log records of OpenTelemetry in any convention (span_dialects.py), one trace per trace id.

Calls of a model tell the conversation, each with its history; spans of tools give results and times. Spans of agents are
read last: they repeat what their calls say. Of chains only the outermost counts, for the question and the answer. A run
that ended with an error did not succeed; an evaluation says so too. Messages may be events of a span, or records of a log.

Source     opentelemetry.io/docs/specs/semconv/gen-ai (spans, events, agent spans), and its older events gen_ai.*.message.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dspy_programs.conversation import Message, json_of, kind_of, messages_of
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats import otel_logs
from dspy_programs.failures.formats.history import Story
from dspy_programs.failures.formats.offer import Offer
from dspy_programs.failures.formats.otel_logs import is_log, log_of
from dspy_programs.failures.formats.span_dialects import (
    Kind,
    add_tools,
    kind_of_span,
    talk_of,
    tells_of_a_model,
    tool_name,
    tool_of,
    whole_of,
)
from dspy_programs.failures.formats.span_values import Span, is_span, span_of
from dspy_programs.failures.formats.turns import trace_of
from dspy_programs.types import Trace

_INSIDE = ("resourceSpans", "resource_spans", "scopeSpans", "scope_spans", "instrumentationLibrarySpans", "spans",
           *otel_logs.INSIDE)  # fmt: skip
_ROLE_OF_EVENT = {"gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.tool.message": "tool",
                  "gen_ai.assistant.message": "assistant"}  # fmt: skip


_Talk = tuple[list[Message], list[Message]]  # what was told, what was said


class _Step(NamedTuple):
    """A moment of a run: a span begins, or it ends."""

    time: float
    rank: int  # of what happens at the same time: what ends comes first
    place: int
    span: Span
    kind: Kind
    is_end: bool


def is_export(raw: Any) -> bool:
    if not isinstance(raw, dict):
        return False
    if isinstance(raw.get("data"), list):  # a page of Phoenix's REST API
        return any(is_span(item) for item in raw["data"])
    return any(isinstance(raw.get(key), list) for key in _INSIDE)


def is_part(raw: Any) -> bool:
    """Return whether this is spans or log records, of which a trace has many."""
    return is_span(raw) or is_log(raw) or is_export(raw)


def groups_of(raw: Any) -> tuple[list[list[Span]], list[str]]:
    """Return the spans of each trace, in order of the first, and what is wrong with what is no span.

    Traces and records of a service's other work, in which no model or tool is named, are passed over beside those of agents.
    """
    groups: dict[str, list[Span]] = {}
    problems: list[str] = []
    stack: list[tuple[str, Any]] = [("", raw)]
    while stack:
        where, item = stack.pop()
        if isinstance(item, list) and (item or not where.endswith("]")):
            stack += reversed([(f"{where}[{place}]", one) for place, one in enumerate(item)])
        elif is_span(item) or is_log(item):
            span = log_of(item) if is_log(item) else span_of(item)
            groups.setdefault(span.trace_id, []).append(span)
        elif is_export(item):
            stack += reversed(
                [(f"{where}.{key}".lstrip("."), item[key]) for key in (*_INSIDE, "data") if isinstance(item.get(key), list)]
            )
        elif not isinstance(item, dict) or not item.keys() & {"scope", "resource"}:  # a scope without spans says nothing
            problems.append(f"{where}: is {kind_of(item)}, not a span".lstrip(": "))
    found = [otel_logs.attached(group) for group in groups.values()]
    return [group for group in found if any(map(tells_of_a_model, group))] or found, problems


def read_spans(spans: Sequence[Span]) -> Trace:
    """Read the spans of one trace. Raises UsageError where none of them says anything of a conversation."""
    story, offer = Story(), Offer()
    kinds: list[Kind] = ["model" if otel_logs.is_records(span) else kind_of_span(span.attributes) for span in spans]
    has_model = "model" in kinds
    talks: dict[int, _Talk] = {}
    for step in _steps(spans, kinds, has_model):
        if step.kind == "tool":
            story.answer(*tool_of(step.span))
        elif step.is_end:
            _tell(story, step, talks.pop(step.place)[1], has_model)
        else:
            talks[step.place] = _talk_of(step.span, step.kind)
            story.recall(talks[step.place][0])
            add_tools(offer, step.span.attributes)
    asked, answer = _whole(story, spans, kinds, has_model)
    if not story.messages:
        raise UsageError("the spans hold no messages; was the content of messages recorded (gen_ai.input.messages)?")
    error = _error_of(spans)
    verdict = _verdict_of(spans)
    return trace_of(
        story.messages,
        trace_id=spans[0].trace_id,
        goal=asked,
        final=answer,
        is_successful=False if verdict is None and error else verdict,
        error=error,
        offer=offer,
        latencies=story.latencies,
    )


def _tell(story: Story, step: _Step, said: list[Message], has_model: bool) -> None:
    """Add what a span said: for certain new where a model said it, and else what was not told yet."""
    if not (has_model and step.kind == "model"):
        story.recall(said)
        return
    for message in said:
        story.say(message)
    if step.span.error:
        story.say(Message("system", f"(error) {step.span.error}"))


def _talk_of(span: Span, kind: Kind) -> _Talk:
    told, said = _messages_in(span)
    return whole_of(span) if kind == "model" and not told and not said else (told, said)


def _whole(story: Story, spans: Sequence[Span], kinds: Sequence[Kind], has_model: bool) -> tuple[str | None, str | None]:
    """Add the question and the answer of the outermost span, and return them; of all of them where no model was recorded."""
    parents = {span.parent for span in spans}
    outer = [span for span in _roots(spans) if kind_of_span(span.attributes) == "agent"]
    inner = [] if has_model else [s for s, kind in zip(spans, kinds, strict=True) if kind == "agent" and s.id not in parents]
    asked, answer = whole_of(outer[0]) if outer else ([], [])
    asked = asked or (_messages_in(outer[0])[0] if outer else [])
    users = [message for message in asked if message.role == "user" and message.text]
    if not any(message.role == "user" for message in story.messages):
        story.messages[:0] = users
    for span in inner:
        story.recall(whole_of(span)[1] if not outer or span is not outer[0] else [])
    story.recall([message for message in answer if message.role != "user"])
    final = next((message.text for message in reversed(answer) if message.role == "agent" and message.text), None)
    return (users[0].text if users else None), final


def _steps(spans: Sequence[Span], kinds: Sequence[Kind], has_model: bool) -> list[_Step]:
    """Return what happened in order of time: a call of a model begins and ends, a tool ends, agents come last."""
    found: list[_Step] = []
    inside = {span.id: (span, kind) for span, kind in zip(spans, kinds, strict=True) if span.id}
    for place, (span, kind) in enumerate(zip(spans, kinds, strict=True)):
        start = span.start or 0.0
        end = max(start, span.end or start)  # clocks differ, and are rounded
        above, kind_above = inside.get(span.parent, (None, None))
        is_inner = kind == kind_above == "tool" and above is not None and tool_name(above) == tool_name(span)
        if kind == "plumbing" or is_inner:
            continue  # a tool's span inside its own: told by two libraries
        if has_model and kind == "agent":
            start = end = float("inf")
        if kind != "tool":
            found.append(_Step(start, 1, place, span, kind, False))
        found.append(_Step(end, 0 if end > start else 1, place, span, kind, True))
    return sorted(found, key=lambda step: (step.time, step.rank, step.place))


def _roots(spans: Sequence[Span]) -> list[Span]:
    """Return the spans whose parent is none of them: an export may leave out what is above."""
    ids = {span.id for span in spans if span.id}
    return [span for span in spans if not otel_logs.is_records(span) and (span.is_root or span.parent not in ids)]


def _error_of(spans: Sequence[Span]) -> str | None:
    """Return the error of the outermost span; of the last one where several calls stand side by side, of no tool's."""
    outer = [span for span in _roots(spans) if len(spans) == 1 or kind_of_span(span.attributes) in ("model", "agent")]
    last = max(outer, key=lambda span: span.end or span.start or 0.0, default=None)
    return last.error if last is not None else None


def _messages_in(span: Span) -> tuple[list[Message], list[Message]]:
    """Return what a model or an agent was told and what it said, by its attributes and its events."""
    told, said = talk_of(span)
    for name, values, body in span.events:
        more_told, more_said = talk_of(span._replace(attributes=values))
        told += more_told
        said += more_said
        held = body if isinstance(body, dict) else _body(values)
        if name == "gen_ai.choice":
            said += messages_of([{"role": "assistant", **_choice(held)}], name)
        elif name in _ROLE_OF_EVENT:
            told += messages_of([{"role": _ROLE_OF_EVENT[name], **held}], name)
    return told, said


def _choice(held: dict[str, Any]) -> dict[str, Any]:
    message = json_of(held.get("message"))
    return message if isinstance(message, dict) else held if message is None else {**held, "content": message}


def _body(values: dict[str, Any]) -> dict[str, Any]:
    """Decode what an event has as JSON in a text."""
    keys = ("content", "tool_calls", "message", "id", "role", "name")
    return {key: json_of(values[key]) if key in ("tool_calls", "message") else values[key] for key in keys if key in values}


def _verdict_of(spans: Sequence[Span]) -> bool | None:
    """Return what an evaluation says: a span or an event with gen_ai.evaluation.* attributes; the last one counts."""
    verdict = None
    for span in spans:
        for values in (span.attributes, *(values for _, values, _ in span.events)):
            label = str(values.get("gen_ai.evaluation.score.label", "")).lower()
            if label in ("pass", "passed", "correct", "fail", "failed", "incorrect"):
                verdict = label in ("pass", "passed", "correct")
    return verdict

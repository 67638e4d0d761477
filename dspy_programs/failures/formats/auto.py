"""Detects the format of a run, or uses the given one, and returns its traces.

Input      raw: decoded JSON, one trace or many. format: one of FORMATS, or None to detect it.
Output     Trace: parse returns exactly one, parse_all all of them, each yields an error in place of an invalid one.
Raises     UsageError for an unknown shape (it says what was found and lists the known formats), or a wrong field.
Guarantees the argument is not changed; if an object has a key twice, the last value counts.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats import evals, langsmith, native, otel, records
from dspy_programs.failures.formats.chat import keys_of, kind_of
from dspy_programs.failures.jsonable import to_jsonable
from dspy_programs.types import Trace

FORMATS = ("native", "langsmith", "langgraph", "messages", "openai", "anthropic", "otel", "inspect", "tau")
Fragment = Literal["recording", "spans", "runs", "messages"]
_Readers = Iterator[Callable[[], Trace]]


class Parser:
    """Reads traces in any of FORMATS."""

    def __init__(self, format: str | None = None) -> None:
        if format is not None and format not in FORMATS:
            raise UsageError(f"unknown format {format!r}; choose from {', '.join(FORMATS)}")
        self.format = format

    def parse(self, raw: Any) -> Trace:
        """Return the only trace. Raises UsageError if there are none or several."""
        traces = self.parse_all(raw)
        if len(traces) != 1:
            raise UsageError(f"{len(traces)} traces, expected one; use parse_all, or the command batch")
        return traces[0]

    def parse_all(self, raw: Any) -> list[Trace]:
        """Return all traces. Raises UsageError at the first invalid one."""
        found = list(self.each(raw))
        if problem := next((one for one in found if isinstance(one, UsageError)), None):
            raise problem
        return [one for one in found if isinstance(one, Trace)]

    def each(self, raw: Any) -> Iterator[Trace | UsageError]:
        """Yield each trace, or an error in its place."""
        if isinstance(raw, Trace):
            yield raw
            return
        try:
            readers = list(self.readers(to_jsonable(raw)))
        except UsageError as error:
            yield error
            return
        for read in readers:
            try:
                yield read()
            except UsageError as error:
                yield error

    def format_of(self, raw: Any) -> str | None:
        """Return the format's name, None if no known one fits."""
        if self.format is not None:
            return self.format
        if isinstance(raw, dict):
            return format_of_object(raw)
        if isinstance(raw, list) and raw:
            first = raw[0]
            if records.is_messages(raw):
                return records.dialect_of(raw)
            return self.format_of(first) if isinstance(first, dict) or records.is_messages(first) else None
        return None

    def readers(self, raw: Any) -> _Readers:
        """Yield a reader for each trace in `raw`."""
        kind = self.format_of(raw)
        if kind in ("langgraph", "messages", "openai", "anthropic"):
            return _chats(raw)
        if kind == "otel" and (spans := otel.spans_of(raw)):
            return (partial(otel.read_spans, group) for group in otel.by_trace(spans))
        if kind == "inspect":
            return samples(raw)
        inside = [raw[key] for key in ("runs", "simulations") if key in raw] if isinstance(raw, dict) else []
        items = raw if isinstance(raw, list) else inside[0] if inside else [raw]
        if kind == "langsmith" and isinstance(items, list) and all(langsmith.is_run(item) for item in items):
            return (partial(langsmith.read_run, root) for root in langsmith.roots_of(items))
        if kind in ("tau", "native") and isinstance(items, list):
            return (partial(evals.read_tau if kind == "tau" else _read_object, item) for item in items)
        raise UsageError(f"{unknown(raw, self.format)}; known formats: {', '.join(FORMATS)}")


def format_of_object(raw: dict[str, Any]) -> str | None:
    """Return the format of one object, by keys that only this format has."""
    tests: tuple[tuple[str, bool], ...] = (
        ("native", native.is_native(raw) or native.is_recorded_line(raw)),
        ("langsmith", langsmith.is_run(raw) or _has_list(raw, "runs", langsmith.is_run)),
        ("otel", otel.is_export(raw) or otel.is_span(raw)),
        ("inspect", evals.is_inspect(raw) or evals.is_sample(raw)),
        ("tau", evals.is_tau(raw) or _has_list(raw, "simulations", evals.is_tau)),
    )
    found = next((name for name, fits in tests if fits), None)
    return found or (records.dialect_of(raw) if records.is_record(raw) else None)


def _has_list(raw: dict[str, Any], key: str, fits: Callable[[Any], bool]) -> bool:
    items = raw.get(key)
    return isinstance(items, list) and bool(items) and fits(items[0])


def fragment_of(raw: Any) -> Fragment | None:
    """Say what a line is only a part of: a recording, a trace's spans, a tree of runs, a conversation; else None."""
    if not isinstance(raw, dict):
        return None
    if native.is_recorded_line(raw):
        return "recording"
    if otel.is_span(raw) or otel.is_export(raw):
        return "spans"
    if langsmith.is_run(raw) and not raw.get("child_runs"):
        return "runs"
    is_whole = records.is_record(raw) or native.is_native(raw) or evals.is_tau(raw)
    return "messages" if not is_whole and records.is_message(raw) else None


def _chats(raw: Any) -> _Readers:
    """Yield the readers of one conversation, or of a list of them."""
    if isinstance(raw, dict):
        yield partial(records.read_record, raw)
    elif records.is_messages(raw) or (isinstance(raw, list) and raw and isinstance(raw[0], str)):
        yield partial(records.read_messages, raw)
    elif isinstance(raw, list) and raw:
        yield from (reader for item in raw for reader in _chats(item))
    else:
        raise UsageError(f"{unknown(raw, 'messages')}; a conversation is a list of objects with role and content")


def samples(raw: Any) -> _Readers:
    for log in raw if isinstance(raw, list) else [raw]:
        head = log.get("eval") if isinstance(log, dict) else None
        task = str(head.get("task") or "") if isinstance(head, dict) else ""
        for sample in evals.samples_of(log) if isinstance(head, dict) else [log]:
            yield partial(evals.read_sample, sample, task)


def _read_object(raw: Any) -> Trace:
    """Read one object in a list of traces, which may mix native and other formats."""
    if isinstance(raw, dict) and native.is_native(raw):
        return native.read_native(raw)
    return Parser().parse(raw)


def unknown(raw: Any, wanted: str | None) -> str:
    seen = f"an object with the keys {keys_of(raw)}" if isinstance(raw, dict) else kind_of(raw)
    if isinstance(raw, list):
        seen = f"a list of {kind_of(raw[0])}" if raw else "an empty list"
    return f"not a trace{f' in the format {wanted}' if wanted else ''}: {seen}"

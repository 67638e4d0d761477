"""Detects the format of a run, or uses the given one, and returns its traces.

Input      raw: decoded JSON, one trace or many. format: one of FORMATS, or None to detect it.
Output     Trace: parse returns exactly one, parse_all all of them, each yields an error in place of an invalid one.
Raises     UsageError for an unknown shape (it says what was found and lists the known formats), or a wrong field.
Guarantees the argument is not changed; if an object has a key twice, the last value counts. The format of a list is that of
           most of its records, so that a broken one is an error in its own place and the others are read.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

from dspy_programs.conversation import is_message, is_messages, is_session_line, keys_of, kind_of, sessions_of
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats import (
    claude_code,
    inspect_logs,
    langfuse,
    langsmith,
    native,
    otel,
    records,
    swe_agent,
    tau,
)
from dspy_programs.jsonable import to_jsonable
from dspy_programs.types import Trace

_CHATS = ("langgraph", "messages", "openai", "anthropic", "gemini", "autogen")
FORMATS = (
    *("native", "langsmith", "langfuse", "langgraph", "messages", "openai", "anthropic", "gemini", "autogen"),
    *("otel", "inspect", "tau", "swe-agent", "claude-code"),
)
Fragment = Literal["recording", "spans", "runs", "observations", "session", "messages"]
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
        if not isinstance(raw, list):
            return None
        votes = Counter(format_of_object(item) for item in raw if isinstance(item, dict))
        if (own := _most(votes)) is not None:
            return own
        if is_messages(raw):
            return records.dialect_of(raw)
        return _most(Counter(self.format_of(item) for item in raw if isinstance(item, list)))

    def readers(self, raw: Any) -> _Readers:
        """Yield a reader for each trace in `raw`."""
        kind = self.format_of(raw)
        if kind in _CHATS:
            return _chats(raw)
        items = _items(raw)
        if kind == "otel":
            groups, problems = otel.groups_of(raw)
            if groups:
                return iter([*(partial(otel.read_spans, group) for group in groups), *map(_refused, problems)])
        if kind == "langsmith" and any(langsmith.is_run(item) for item in items):
            return _runs(items)
        if kind == "langfuse":
            return (partial(langfuse.read_group, group) for group in langfuse.groups_of(raw))
        if kind == "claude-code" and any(is_session_line(item) for item in items):
            lines = [item for item in items if is_session_line(item)]
            return (partial(claude_code.read_session, name, found) for name, found in sessions_of(lines))
        if kind == "inspect":
            return _samples(raw)
        if kind == "tau":
            return (partial(tau.read_tau, item, raw.get("info") if isinstance(raw, dict) else None) for item in items)
        if kind == "swe-agent":
            return (partial(_read_one, swe_agent.is_run, swe_agent.read, kind, item) for item in items)
        if kind == "native":
            return (partial(_read_object, item) for item in items)
        raise UsageError(f"{unknown(raw, self.format)}; known formats: {', '.join(FORMATS)}")


def _most(votes: Counter[str | None]) -> str | None:
    """Return the format of most records that have one, the first of equals."""
    votes.pop(None, None)
    return votes.most_common(1)[0][0] if votes else None


def _items(raw: Any) -> list[Any]:
    """Return the records in a list, or in the object around it."""
    if isinstance(raw, list):
        return raw
    inside = [raw[key] for key in ("runs", "simulations") if isinstance(raw.get(key), list)] if isinstance(raw, dict) else []
    return inside[0] if inside else [raw]


def format_of_object(raw: dict[str, Any]) -> str | None:
    """Return the format of one object, by keys that only this format has."""
    tests: tuple[tuple[str, Callable[[Any], bool]], ...] = (
        ("native", lambda raw: native.is_native(raw) or native.is_recorded_line(raw)),
        ("langsmith", lambda raw: langsmith.is_run(raw) or _has(raw, "runs", langsmith.is_run)),
        ("claude-code", is_session_line),
        ("otel", otel.is_part),
        ("langfuse", langfuse.is_langfuse),
        ("inspect", lambda raw: inspect_logs.is_inspect(raw) or inspect_logs.is_sample(raw)),
        ("tau", lambda raw: tau.is_tau(raw) or _has(raw, "simulations", tau.is_tau)),
        ("swe-agent", swe_agent.is_run),
    )
    found = next((name for name, fits in tests if fits(raw)), None)
    return found or (records.dialect_of(raw) if records.is_record(raw) else None)


def _has(raw: dict[str, Any], key: str, fits: Callable[[Any], bool]) -> bool:
    items = raw.get(key)
    return isinstance(items, list) and any(fits(item) for item in items)


def fragment_of(raw: Any) -> Fragment | None:
    """Say what a line is only a part of: a recording, a trace's spans, a tree of runs, a conversation; else None."""
    if not isinstance(raw, dict):
        return None
    if native.is_recorded_line(raw):
        return "recording"
    if is_session_line(raw):
        return "session"
    if otel.is_part(raw):
        return "spans"
    if langsmith.is_run(raw) and not raw.get("child_runs"):
        return "runs"
    if langfuse.is_observation(raw):
        return "observations"
    return "messages" if is_message(raw) and format_of_object(raw) is None else None


def _chats(raw: Any) -> _Readers:
    """Yield the readers of one conversation, or of a list of them, in which a broken one is an error of its own."""
    if isinstance(raw, dict):
        yield partial(native.read_native if native.is_native(raw) else records.read_record, raw)
    elif is_messages(raw) or (isinstance(raw, list) and raw and all(isinstance(item, str) for item in raw)):
        yield partial(records.read_messages, raw)
    elif isinstance(raw, list) and raw:
        for place, item in enumerate(raw):
            if isinstance(item, (dict, list)) and item:
                yield from _chats(item)
            else:
                yield _refused(f"[{place}]: {unknown(item, None)}")
    else:
        raise UsageError(f"{unknown(raw, 'messages')}; a conversation is a list of objects with role and content")


def _runs(items: list[Any]) -> _Readers:
    yield from (partial(langsmith.read_run, root) for root in langsmith.roots_of([i for i in items if langsmith.is_run(i)]))
    for place, item in enumerate(items):
        if not langsmith.is_run(item):
            yield _refused(f"[{place}]: {unknown(item, 'langsmith')}")


def _samples(raw: Any) -> _Readers:
    for log in raw if isinstance(raw, list) else [raw]:
        task = inspect_logs.task_of(log)
        is_log = isinstance(log, dict) and isinstance(log.get("eval"), dict)
        for sample in inspect_logs.samples_of(log) if is_log else [log]:
            yield partial(inspect_logs.read_sample, sample, task)


def _read_one(fits: Callable[[Any], bool], read: Callable[[Any], Trace], kind: str, raw: Any) -> Trace:
    """Read one record of a list, which may be none."""
    if not fits(raw):
        raise UsageError(unknown(raw, kind))
    return read(raw)


def _refused(problem: str) -> Callable[[], Trace]:
    """Return the reader of what cannot be read: it says so in its place."""

    def read() -> Trace:
        raise UsageError(problem)

    return read


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

"""Events in a log: a line that says that something is wrong, with its stack trace whole.

Python, Java, Node, Go and Rust traces are known, chained causes among them; so are JSON lines with a stack inside. Any other
indented lines after an event belong to it; a time before each line of a trace is taken off.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dspy_programs.logs.lines import LogLine
from dspy_programs.logs.severity import ERROR, FATAL, NOTHING, WARNING, has_level, is_suspect, severity_of

_MOST_LINES = 400  # of an event
_CHAIN = ("During handling of the above exception", "The above exception was the direct cause")
_MORE = re.compile(
    r"\s+\S"  # indented
    r"|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)|at \S+ ?\(|Traceback \(most recent call last\)"
    r"|goroutine \d+ \[|created by |\[signal |exit status \d|stack backtrace:|note: |[A-Za-z_][\w./*()\-]*\(.*\)$"
)
_FRAME = re.compile(r'\s+(?:File "|at |\d+: |\|)|\s+\S+\.go:\d+|\s*\.\.\. \d+ more')
_NAMED = re.compile(r"[A-Za-z_][\w.$]*(?:Exception|Error|Throwable)(?:: |$)")
_POSTGRES = re.compile(r"\] (?:DETAIL|HINT|CONTEXT|QUERY|STATEMENT):  ")
_CARET = re.compile(r"\s*[\^~]+\s*$")  # under a line of code that Node quotes before the error
_EXCEPTION = re.compile(r"[A-Za-z_][\w.$]*(?::|$)")  # the last line of a Python trace
_TIME = re.compile(r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [^\s:]+:)(?: |$)")
_MESSAGE, _STACK = (
    ("message", "msg", "event", "text"),
    ("stack", "stack_trace", "stacktrace", "exc_info", "exception", "traceback"),
)
_NUMBERS = {60: FATAL, 50: ERROR, 40: WARNING}  # pino's and bunyan's levels


class Event(NamedTuple):
    """lines: whole, the first one says what happened; at, number: where it begins, from 1; severity: see severity.py."""

    at: str
    number: int
    severity: int
    lines: list[str]


def events_in(lines: Iterable[LogLine]) -> Iterator[Event]:
    """Yield the events of one file, in their order."""
    reader = EventReader()
    for line in lines:
        yield from reader.take(line)
    yield from reader.end()


class EventReader:
    """Takes the lines of one file as they come. held: the event that the next line may go on with."""

    def __init__(self) -> None:
        self.held: Event | None = None
        self._blank = 0
        self._was_indented = self._awaits_message = False

    def take(self, line: LogLine) -> Sequence[Event]:
        """Return the events that this line ends."""
        text, done = line.text, tuple[Event, ...]()
        if self.held is not None:
            text = _without_time(self.held, text)
            if not text.strip():
                self._blank += 1
                return ()
            if len(self.held.lines) == 1 and not self._blank and _CARET.match(text):
                self.held = None
                return ()
            if _belongs(self.held, text, self._blank, self._was_indented, self._awaits_message):
                self.held = _longer(self.held, text, self._blank)
                self._was_indented, self._blank = text[0].isspace(), 0
                self._awaits_message = "panicked at" in text and text.endswith(":")
                return ()
            text, done = line.text, self.end()
        if not is_suspect(text):
            return done
        begun = _begun(line)
        if begun is not None and text.startswith("{"):
            return (*done, begun)
        self.held = begun
        self._was_indented, self._awaits_message = False, "panicked at" in text and text.endswith(":")
        return done

    def end(self) -> tuple[Event, ...]:
        """Return the event that is held: no more lines belong to it."""
        done, self.held, self._blank = self.held, None, 0
        return () if done is None else (done,)


def _belongs(held: Event, text: str, blank: int, was_indented: bool, awaits_message: bool) -> bool:
    """Return whether a line goes on with an event."""
    if awaits_message and not blank:  # Rust says what on the next line
        return True
    if text.startswith(_CHAIN) or (held.lines[-1].startswith(_CHAIN) and text.startswith("Traceback")):
        return True
    if blank:  # Go has an empty line before its stack
        return text.startswith(("goroutine ", "[signal ")) or (_is_go(held) and _MORE.match(text) is not None)
    if was_indented and _is_python(held) and _EXCEPTION.match(text):
        return True
    if len(held.lines) == 1 and (named := _NAMED.match(text)) and not _NAMED.match(held.lines[0]):
        return held.severity > WARNING or "." in named[0]  # Java says what on the next line, also of a warning
    if _POSTGRES.search(text) or (text.startswith("E  ") and held.lines[0].startswith("E  ")):  # pytest's
        return True
    if text.startswith("Traceback "):
        return not any(line.startswith("Traceback ") for line in held.lines)
    return _MORE.match(text) is not None and (text[0].isspace() or _is_of_a_stack(held, text))


def _is_of_a_stack(held: Event, text: str) -> bool:
    if text.startswith(("Caused by: ", "Suppressed: ", "... ", "at ", "stack backtrace:", "note: ")):
        return True
    return _is_go(held)


def _is_python(held: Event) -> bool:
    return any("Traceback (most recent call last)" in line for line in held.lines)


def _is_go(held: Event) -> bool:
    return any(line.startswith(("goroutine ", "panic: ", "fatal error: ")) or " panic serving " in line for line in held.lines)


def _without_time(held: Event, text: str) -> str:
    """Return a line of a stack trace without the time that some write before each line, pip and journald among them."""
    found = _TIME.match(text)
    if found is None or not _TIME.match(held.lines[0]):
        return text
    inner = text[found.end() :]
    is_more = not inner.strip() or inner[0].isspace() or inner.startswith((*_CHAIN, "Traceback ", "Caused by: ", "... "))
    return inner if is_more or (_is_python(held) and _EXCEPTION.match(inner) and not has_level(inner)) else text


def _longer(held: Event, text: str, blank: int) -> Event:
    """Return the event with one more line, as long as there is room."""
    if len(held.lines) < _MOST_LINES:
        held.lines.extend([""] * min(blank, 1) + [text])
    elif len(held.lines) == _MOST_LINES:
        held.lines.append("[cut: more lines belong to this event]")
    return _worse(held, text)


def _worse(held: Event, text: str) -> Event:
    """Return the event, at least an error once it has a stack trace."""
    is_stack = _FRAME.match(text) is not None or text.startswith("Traceback ")
    return held._replace(severity=ERROR) if is_stack and WARNING < held.severity < ERROR else held


def _begun(line: LogLine) -> Event | None:
    if line.text.startswith(_CHAIN):
        return None
    if line.text.startswith("{") and (found := _of_json(line)) is not None:
        return found if found.severity > NOTHING else None
    severity = severity_of(line.text)
    return Event(line.path, line.number, severity, [line.text]) if severity > NOTHING else None


def _of_json(line: LogLine) -> Event | None:
    try:
        row = json.loads(line.text)
    except (ValueError, RecursionError):
        return None
    level = row.get("level", row.get("severity", row.get("levelname", "")))
    severity = _NUMBERS.get(level, NOTHING) if isinstance(level, int) else severity_of(f"[{str(level).lower()}]")
    said = next((row[key] for key in _MESSAGE if isinstance(row.get(key), str)), "")
    if not level:
        severity = severity_of(said)
    when = next((str(row[key]) for key in ("time", "timestamp", "@timestamp", "ts") if key in row), "")
    if isinstance(row.get("error"), str) and said:
        said = f"{said}: {row['error']}"
    first = " ".join(part for part in (when, str(level).upper() if isinstance(level, str) else "", said) if part)
    return Event(line.path, line.number, severity, [first, *_stack_of(row)])


def _stack_of(row: dict[str, Any]) -> list[str]:
    inner: dict[str, Any] = next((row[key] for key in ("err", "error") if isinstance(row.get(key), dict)), {})
    found = next((each[key] for each in (row, inner) for key in _STACK if isinstance(each.get(key), str)), "")
    return [text for text in found.split("\n")[:_MOST_LINES] if text.strip()]

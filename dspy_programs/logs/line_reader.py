"""From the bytes of a log, as they come, to its events; and where to go on reading after a restart.

Guarantees constant memory, also for a line that never ends; bytes of zero are nothing, so a file that was truncated while
           its writer went on, and UTF-16 of plain letters, can be read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.logs.events import Event, EventReader, events_in
from dspy_programs.logs.lines import LONGEST, LogLine, lines_as, opened_log, plain
from dspy_programs.logs.severity import suspects_in

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?")
_BLOCK = 32_768  # bytes that are looked at together
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # of UTF-8 and UTF-16 at a file's beginning


class Place(NamedTuple):
    """Everything before it has been read. A later start goes on here.

    offset: bytes from the beginning; number: lines before it; inside: it is in a line whose beginning has been read.
    since, same: for a container, the time that its engine gave to the last line, and how many lines had that time.
    """

    offset: int = 0
    number: int = 0
    inside: bool = False
    since: str = ""
    same: int = 0


class LineReader:
    """Reads one log.

    at: what events say where they are from; place: where to begin; stamped: each line begins with its engine's time.

    said: the last line without a time where each should have one: the engine's own words.
    """

    def __init__(self, at: str, place: Place | None = None, *, stamped: bool = False, encoding: str = "utf-8") -> None:
        self.at, self.stamped, self.encoding = at, stamped, encoding
        self._start = self._place = place or Place()
        self._skip = self._start.same if stamped else 0  # the engine repeats lines of the same time
        if self._skip:
            self._place = self._start._replace(same=0)
        self.said = ""
        self._rest = b""
        self._events = EventReader()
        self._mark: Place | None = None

    @property
    def place(self) -> Place:
        """Where the first line begins whose event may not have ended; bytes of an unfinished line count as not read."""
        if self._skip:
            return self._start
        return self._mark if self._events.held is not None and self._mark else self._place

    @property
    def read_to(self) -> int:
        """The byte after the last that was taken."""
        return self._place.offset + len(self._rest)

    @property
    def is_waiting(self) -> bool:
        """Whether something was taken that only more bytes, or end(), complete."""
        return bool(self._rest) or self._events.held is not None

    def take(self, data: bytes) -> list[Event]:
        """Return the events that these bytes complete."""
        data, self._rest = self._rest + data, b""
        offset, number, inside, since, same = self._place
        if inside:
            end = data.find(b"\n") + 1
            if not end:
                self._place = self._place._replace(offset=offset + len(data))
                return []
            data, offset = data[end:], offset + end
            self._place = Place(offset, number, False, since, same)
        cut = data.rfind(b"\n") + 1
        found = self._lines(data[:cut])
        rest = data[cut:]
        self._rest = rest.lstrip(b"\0")
        self._place = self._place._replace(offset=self._place.offset + len(rest) - len(self._rest))
        return found + self.end_line() if len(self._rest) > LONGEST else found

    def _lines(self, data: bytes) -> list[Event]:
        """Take whole lines. Without an event that may go on, what is between two suspect lines is only counted."""
        found: list[Event] = []
        events, has_zeros = self._events, b"\0" in data
        offset, number, _, since, same = self._place
        is_plain = not (self.stamped or has_zeros or b"\x1b" in data)
        suspects = iter(suspects_in(data) if is_plain else ())
        at, suspect = 0, -1
        while at < len(data):
            if is_plain and events.held is None:
                while suspect < at:
                    suspect = next(suspects, len(data))
                begin = data.rfind(b"\n", at, suspect) + 1 or at
                number += data.count(b"\n", at, begin)
                at = begin
                if at == len(data):
                    break
            end = data.index(b"\n", at)
            raw, before = data[at:end], (offset + at, number, since, same)
            at, number = end + 1, number + 1
            if self.stamped:
                if (stamp := _STAMP.match(raw)) is None:
                    self.said, number = self._text(raw, has_zeros, 0), number - 1
                    continue
                raw, (since, same) = raw[stamp.end() :], _counted(stamp[1].decode(), since, same)
                if self._skip and self._repeats(since):
                    number -= 1
                    continue
            found += events.take(LogLine(self.at, number, self._text(raw, has_zeros, number)))
            if events.held is not None and events.held.number == number:
                self._mark = Place(before[0], before[1], False, *before[2:])
        self._place = Place(offset + len(data), number, False, since, same)
        return found

    def _repeats(self, since: str) -> bool:
        """Return whether a line was read before the start: the first ones of the time that the reading began with."""
        self._skip = self._skip - 1 if since == self._start.since else 0
        return since == self._start.since

    def _text(self, raw: bytes, has_zeros: bool, number: int) -> str:
        if number == 1:
            raw = next((raw[len(mark) :] for mark in _MARKS if raw.startswith(mark)), raw)
        if has_zeros:
            raw = raw.replace(b"\0", b"")
        return plain(raw[:LONGEST].decode(self.encoding, "replace").rstrip("\r"))

    def end_line(self) -> list[Event]:
        """Take an unfinished line as it is; what may still come of it is not read."""
        if not self._rest:
            return []
        rest, self._rest = self._rest, b""
        found = self._lines(rest + b"\n")
        self._place = self._place._replace(offset=self._place.offset - 1, inside=True)
        return found

    def end(self) -> list[Event]:
        """Return what is complete if no more bytes come."""
        return [*self.end_line(), *self._events.end()]


def events_of(path: Path) -> Iterator[Event]:
    """Yield the events of one file, or of standard input. Raises UsageError."""
    with opened_log(path) as (file, encoding, name):
        if encoding == "utf-16":
            yield from events_in(lines_as(file, encoding, name))
            return
        reader = LineReader(name, encoding=encoding)
        while block := file.read1(_BLOCK):
            yield from reader.take(block)
        yield from reader.end()


def _counted(stamp: str, since: str, same: int) -> tuple[str, int]:
    return (since, same + 1) if stamp == since else (stamp, 1)


def as_place(value: Any) -> Place:
    """Return a place as it was stored; the beginning, if it is none."""
    try:
        return Place(int(value[0]), int(value[1]), bool(value[2]), str(value[3]), int(value[4]))
    except (TypeError, ValueError, IndexError, KeyError):
        return Place()

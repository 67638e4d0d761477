"""What went wrong, each kind once: how often, from when to when, in which files.

Guarantees memory does not grow with the logs: so many kinds are kept, and what comes after them is counted and said.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dspy_programs.logs.events import Event, events_in
from dspy_programs.logs.line_reader import events_of
from dspy_programs.logs.lines import LogLine, log_files
from dspy_programs.logs.severity import NAMES

_MOST_FILES = 5  # named for a kind
_SIGNED = 40  # lines of an event that tell its kind
_ISO = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?")
_SYSLOG = re.compile(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ \d]\d) (\d\d:\d\d:\d\d)")
_APACHE = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ?([+-]\d{4})?")
_EPOCH = re.compile(r"^(1[5-9]\d{8})(\d{3})?(?:\.\d+)? ")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_VARIABLE = (
    (re.compile(r"(?<![=:]\s)(?<![=:])(?:'[^']{1,80}'|\"[^\"]{1,80}\")"), "'*'"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[a-fA-F])[0-9a-fA-F]{7,64}\b"), "<id>"),
    (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<mail>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "#"),
)
_FRAME_LINE = re.compile(r'(File "[^"]+"), line \d+')


@dataclass
class Kind:
    """Events that are the same but for their numbers, names and times.

    lines: of the first one; first, last: ISO 8601, "" where the logs give no time; files: some of those it is in; at: path:line
    of the first one.
    """

    severity: str
    count: int
    first: str
    last: str
    files: list[str]
    at: str
    lines: list[str]
    level: int = field(repr=False, default=0)

    def add(self, count: int, first: str, last: str, files: Iterable[str]) -> None:
        """Count more of the same kind, from when to when, and in which files."""
        self.count += count
        if first:
            self.first, self.last = min(self.first or first, first), max(self.last, last)
        self.files += [file for file in files if file not in self.files][: _MOST_FILES - len(self.files)]

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "level"}


@dataclass
class Digest:
    """kinds: the worst first, and the most frequent first among equals; beyond: events of more kinds than are kept."""

    kinds: list[Kind] = field(default_factory=list)
    files: int = 0
    events: int = 0
    beyond: int = 0


def log_context(paths: Sequence[str | Path], most_kinds: int = 20_000) -> Digest:
    """Return what went wrong in log files, in the files of folders, or on standard input ("-"). Raises UsageError.

    most_kinds: so many are kept; the events of any later kind are only counted.
    """
    return _digest_of(map(events_of, [file for each in paths for file in log_files(Path(each))]), most_kinds)


def digest_of(logs: Iterable[Iterable[LogLine]], most_kinds: int = 20_000) -> Digest:
    """Return what went wrong in the lines of some logs."""
    return _digest_of(map(events_in, logs), most_kinds)


def _digest_of(logs: Iterable[Iterable[Event]], most_kinds: int) -> Digest:
    digest, kinds = Digest(), dict[str, Kind]()
    for events in logs:
        digest.files += 1
        for event in events:
            digest.events += 1
            digest.beyond += not count_event(kinds, event, most_kinds)
    digest.kinds = worst_first(kinds.values())
    return digest


def worst_first(kinds: Iterable[Kind]) -> list[Kind]:
    return sorted(kinds, key=lambda kind: (-kind.level, -kind.count, kind.first, kind.at))


def count_event(kinds: dict[str, Kind], event: Event, most_kinds: int) -> bool:
    """Count an event with its kind; return whether there was room for it. kinds: by their signatures."""
    signature, when = signature_of(event), time_in(event.lines[0])
    kind = kinds.get(signature)
    if kind is None:
        if len(kinds) >= most_kinds:
            return False
        kind = kinds[signature] = Kind(
            NAMES[event.severity], 0, when, when, [], f"{event.at}:{event.number}", event.lines, event.severity
        )
    kind.add(1, when, when, [event.at])
    return True


def signature_of(event: Event) -> str:
    """Return what is the same in all events of a kind: no times, numbers, ids, addresses and short quoted words."""
    return f"{event.severity} " + "\n".join(_normal(line) for line in event.lines[:_SIGNED])


def _normal(line: str) -> str:
    line = _FRAME_LINE.sub(r"\1", line)
    for pattern in (_ISO, _SYSLOG, _APACHE):
        line = pattern.sub("", line, count=1)
    if line.lstrip().startswith("File "):
        return line.strip()
    for pattern, sign in _VARIABLE:
        line = pattern.sub(sign, line)
    return " ".join(line.split())


def time_in(line: str) -> str:
    """Return the time of a line in ISO 8601, in UTC if it names a zone; "" if it has none that can be compared."""
    if found := _ISO.search(line):
        year, month, day, clock, part, zone = found.groups()
        said = f"{year}-{month}-{day}T{clock}" + (f".{part[:6].ljust(6, '0')}" if part else "") + (zone or "")
    elif found := _APACHE.search(line):
        day, name, year, clock, zone = found.groups()
        said = f"{year}-{_MONTHS.index(name) + 1:02}-{day}T{clock}{zone or ''}" if name in _MONTHS else ""
    elif found := _SYSLOG.search(line):  # it has no year
        return f"{_MONTHS.index(found[1]) + 1:02}-{int(found[2]):02}T{found[3]}"
    elif found := _EPOCH.match(line):
        return datetime.fromtimestamp(int(found[1]), UTC).isoformat()
    else:
        return ""
    try:
        when = datetime.fromisoformat(said)
        return (when.astimezone(UTC) if when.tzinfo else when).isoformat(timespec="seconds")
    except (ValueError, OverflowError):  # no such day, or before the year 1 in UTC
        return ""

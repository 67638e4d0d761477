"""What went wrong in all logs that are followed: kept once a kind and batch, with the position that was read to.

Streams    logs.ctx.NAME for each log: an entry is a kind of event with its count (see as_value).
Keys       position:... of each log; `up`, the process that follows.
Counters   bytes:NAME; events:NAME:SEVERITY.
Guarantees events and the position after them are written together or not at all; of two processes that read the same lines
           one is refused; no secret that is known as one is written.
"""

import hashlib
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dspy_programs.code.log_bus.redaction import redacted_lines
from dspy_programs.code.log_bus.storage import Batch, Entry, Storage
from dspy_programs.logs import NAMES, Event, Kind, count_event, signature_of, worst_first

STREAM = "logs.ctx."
_MOST_KINDS = 2_000  # of one batch
_MOST_CHARACTERS = 32_000  # of an event that are kept
_LEVELS = {name: level for level, name in NAMES.items()}


class Container(NamedTuple):
    """A log by its name. counts: of events ever, by severity; entries, bytes: kept; dropped: to make room."""

    name: str
    bytes_read: int
    counts: dict[str, int]
    entries: int
    bytes: int
    dropped: int


class Bus:
    """Events in a storage."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def position(self, key: str) -> Any:
        return self.storage.get(key) if key else None

    def add(self, name: str, events: Iterable[Event], size: int, key: str = "", before: Any = None, after: Any = None) -> bool:
        """Keep the events of a log, and that it was read from one position to another.

        Args:
            name: What they are kept under.
            events: In their order.
            size: Bytes that were read.
            key: Of the position; "" for a log that has none.
            before: The position that was read from.
            after: The position that was read to.

        Returns:
            False if another process has read on from there: nothing was kept.
        """
        kinds = dict[str, Kind]()
        beyond = sum(not count_event(kinds, event, _MOST_KINDS) for event in events)
        counts = {f"bytes:{name}": size}
        for kind in kinds.values():
            counter = f"events:{name}:{kind.severity}"
            counts[counter] = counts.get(counter, 0) + kind.count
        if beyond:
            counts[f"events:{name}:not kept"] = beyond
        positions = {key: after} if key else {}
        expected = {key: before} if key else {}
        appends = [(STREAM + name, as_value(kind)) for kind in kinds.values()]
        return self.storage.write(Batch(expected, positions, appends, counts))

    def containers(self) -> list[Container]:
        """Return all logs that were read, in the order of their names."""
        counts, streams = self.storage.counts(), {stream.name: stream for stream in self.storage.streams()}
        found = []
        for name in sorted(counter.removeprefix("bytes:") for counter in counts if counter.startswith("bytes:")):
            begins, kept = f"events:{name}:", streams.get(STREAM + name)
            told = {counter.removeprefix(begins): count for counter, count in counts.items() if counter.startswith(begins)}
            size = (kept.entries, kept.bytes, kept.dropped) if kept else (0, 0, 0)
            found.append(Container(name, counts[f"bytes:{name}"], told, *size))
        return found

    def kinds(self, name: str, most: int = 1_000) -> list[Kind]:
        """Return what went wrong in a log, the worst first, from so many of its latest entries."""
        return merged(self.storage.last(STREAM + name, most))

    def search(self, words: str, names: Sequence[str] = (), most: int = 1_000) -> list[Kind]:
        """Return the kinds of events that have all these words; names: only of these logs, of all without."""
        return merged(self.storage.search(words, most, [STREAM + name for name in names]))

    def dropped(self) -> int:
        """Return how many entries made room for newer ones, ever."""
        return sum(stream.dropped for stream in self.storage.streams())

    def beat(self, since: str, followed: int, runs: bool = True) -> None:
        """Say that this process follows logs, or that it has ended."""
        told = {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "seen": now(), "logs": followed, "runs": runs}
        self.storage.write(Batch(puts={"up": told}))


def as_value(kind: Kind) -> dict[str, Any]:
    """Return a kind of event as it is kept, without secrets. sign: the same for all of its kind; seen: when it was kept."""
    lines = _cut(redacted_lines(kind.lines))
    sign = hashlib.blake2b(signature_of(Event("", 0, kind.level, lines)).encode("utf-8", "replace"), digest_size=8)
    told = {name: getattr(kind, name) for name in ("severity", "count", "first", "last", "at", "files")}
    return {"sign": sign.hexdigest(), **told, "seen": now(), "lines": lines}


def _cut(lines: list[str]) -> list[str]:
    room = _MOST_CHARACTERS
    for number, line in enumerate(lines):
        room -= len(line)
        if room < 0:
            return [*lines[:number], line[: room + len(line)] + " [cut]"]
    return lines


def merged(entries: Iterable[Entry]) -> list[Kind]:
    """Return the kinds of events that entries have, the worst first. What is no event is left out."""
    kinds = dict[str, Kind]()
    for entry in entries:
        value = entry.value
        if not isinstance(value, Mapping) or value.get("severity") not in _LEVELS:
            continue
        kind = kinds.get(value["sign"])
        if kind is None:
            level = _LEVELS[value["severity"]]
            kind = kinds[value["sign"]] = Kind(
                value["severity"], 0, value["first"], value["last"], [], value["at"], value["lines"], level
            )
        kind.add(value["count"], value["first"], value["last"], value["files"])
    return worst_first(kinds.values())


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

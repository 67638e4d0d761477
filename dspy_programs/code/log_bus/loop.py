"""Follow logs until they end or somebody stops it.

Guarantees with a bus, each line of a file or a container is counted once, however often the process is killed and whoever
           else follows the same log; memory does not grow with the logs.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from dspy_programs.code.log_bus.bus import Bus, now
from dspy_programs.code.log_bus.sources import Followed, Sources
from dspy_programs.logs import Event

_AT_ONCE = 1_000_000  # bytes of one log between two commits
_BEAT = 10.0  # seconds


class Round(NamedTuple):
    """What one look at all logs found. events: with the name of the log they are from; size: bytes read."""

    events: list[tuple[str, Event]]
    notes: list[str]
    size: int


def follow(
    bus: Bus | None, sources: Sources, *, stop: threading.Event | None = None, interval: float = 1.0, once: bool = False
) -> Iterator[Round]:
    """Yield what comes, if anything did.

    Args:
        bus: Keeps it, and knows where to go on; None: nothing is kept.
        sources: What is followed.
        stop: Ends it.
        interval: Seconds between two reads.
        once: Stop when everything there has been read.

    Yields:
        A round.
    """
    stop, since, next_beat = stop or threading.Event(), now(), 0.0
    positions: dict[Followed, Any] = {}
    while True:
        found, busy = Round([], [], 0), False
        for followed in sources.now():
            if followed not in positions:
                positions[followed] = bus.position(followed.key) if bus else None
                if positions[followed] is not None:
                    followed.restore(positions[followed])
            before = followed.size
            events = followed.read(_AT_ONCE)
            size = followed.size - before
            if not _keep(bus, followed, events, positions):
                busy = True
                continue
            found.events.extend((followed.name, event) for event in events)
            found = found._replace(size=found.size + size)
            busy |= followed.has_more
            if stop.is_set():
                break
        ended = sources.have_ended or (once and not busy and sources.are_read)
        if ended or stop.is_set():
            found.events.extend(_last_events(bus, positions, all_of_it=ended))
        found.notes.extend(sources.take_notes())
        if any(found):
            yield found
        if ended or stop.is_set():
            if bus is not None and next_beat:
                bus.beat(since, len(positions), runs=False)
            return
        if bus is not None and not once and time.monotonic() >= next_beat:
            next_beat = time.monotonic() + _BEAT
            bus.beat(since, len(positions))
        if not busy:
            stop.wait(interval)


def _keep(bus: Bus | None, followed: Followed, events: list[Event], positions: dict[Followed, Any]) -> bool:
    """Keep events with the position after them; go to where another process has read to, if one has."""
    before, after = positions[followed], followed.position
    if bus is not None and (events or before != after or (followed.size and not followed.key)):
        is_kept = bus.add(followed.name, events, followed.size, followed.key, before, after)
        followed.size = 0
        if not is_kept:
            positions[followed] = bus.position(followed.key)
            followed.restore(positions[followed])
            return False
    positions[followed] = after
    return True


def _last_events(bus: Bus | None, positions: dict[Followed, Any], all_of_it: bool) -> Iterator[tuple[str, Event]]:
    """Yield what was complete only if nothing more comes: of all logs, or of those that cannot be read again."""
    for followed in positions:
        if all_of_it or not followed.key:
            events = followed.end()
            if _keep(bus, followed, events, positions):
                yield from ((followed.name, event) for event in events)

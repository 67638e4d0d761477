"""What `code up` and `code worker` share: follow, keep, publish, and say what the user should know."""

import sys
import threading
import time
from typing import TYPE_CHECKING

from dspy_programs.code.log_bus.bus import Bus
from dspy_programs.code.log_bus.loop import follow
from dspy_programs.code.log_bus.sources import Sources
from dspy_programs.errors import RunInterrupted, UsageError
from dspy_programs.text import printable, quantity

if TYPE_CHECKING:
    from dspy_programs.code.log_bus.publishing import Publisher

_PUBLISHED = 5.0  # seconds between two tries, if one failed


def keep(
    bus: Bus, sources: Sources, stop: threading.Event, interval: float, once: bool, publisher: "Publisher | None" = None
) -> str:
    """Keep what comes until it ends, and return in a line what was kept. Raises RunInterrupted with that line if stopped."""
    place, events, dropped = bus.storage.place, 0, bus.dropped()
    sending = _Sending(publisher)
    sending.send()
    try:
        for found in follow(bus, sources, stop=stop, interval=0.05 if once else interval, once=once):
            events += len(found.events)
            for note in found.notes:
                _tell(note)
            if found.events and not dropped and (dropped := bus.dropped()):
                _tell(f"{place} is full: from now on the oldest events make room")
            sending.send()
    finally:
        sources.close()
    sending.send(at_end=True)
    lost = f"; {dropped:,} dropped to make room" if (dropped := bus.dropped()) else ""
    told = f"{quantity(events, 'new event')} kept in {place}{sending.told}{lost}"
    if stop.is_set():
        raise RunInterrupted(f"{told}; the same command goes on where it ended")
    return told


class _Sending:
    """A broker that does not answer ends nothing: it is said once, and tried again."""

    def __init__(self, publisher: "Publisher | None") -> None:
        self.publisher, self.sent = publisher, 0
        self._next, self._said = 0.0, ""

    @property
    def told(self) -> str:
        return f", {self.sent:,} published" if self.publisher is not None else ""

    def send(self, at_end: bool = False) -> None:
        if self.publisher is None or (time.monotonic() < self._next and not at_end):
            return
        try:
            self.sent += self.publisher.publish()
            self._next, self._said = 0.0, ""
        except UsageError as error:
            self._next = time.monotonic() + _PUBLISHED
            if str(error) != self._said:
                self._said = str(error)
                _tell(self._said)


def _tell(note: str) -> None:
    print(printable(note), file=sys.stderr, flush=True)

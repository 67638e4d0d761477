"""Standard input, and a container's log by its engine: what comes, read in a thread of its own.

Guarantees a writer waits when nobody takes what it wrote, so memory is bounded; after a restart a container's log goes on
           after the line that was read last, by the time that the engine gave it.
Limits     standard input has no memory: what was in it when the process was killed is lost.
"""

import contextlib
import queue
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Any

from dspy_programs.errors import UsageError
from dspy_programs.logs import Event, LineReader, as_place

ENGINES = ("docker", "podman")
CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_BLOCK = 65_536
_WAITING = 64  # blocks
_PATIENCE = 5.0  # seconds for the engine's command to end
_SETTLE = 2.0
_AGAIN = 5.0  # seconds until a log that ended is asked for again: its container may have been started anew


class FollowedPipe:
    """Standard input, or any stream of bytes. key: "" for a log that has no memory."""

    key = ""

    def __init__(self, name: str, stream: IO[bytes] | None, settle: float) -> None:
        self.name, self.settle = name, settle
        self.notes: list[str] = []
        self.has_more = self.ended = False
        self.size = 0
        self._reader = LineReader(name)
        self._grown = time.monotonic()
        if stream is not None:
            self._read_from(stream)

    @property
    def position(self) -> Any:
        return None

    def _read_from(self, stream: IO[bytes]) -> None:
        self._blocks: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        threading.Thread(target=_pump, args=(stream, self._blocks), daemon=True).start()

    def read(self, most: int) -> list[Event]:
        """Return the events that up to so many new bytes complete."""
        found, left = list[Event](), most
        self.has_more = False
        while left > 0 and not self.ended:
            try:
                block = self._blocks.get_nowait()
            except queue.Empty:
                break
            if block is None:
                found += self._reader.end()
                self.ended = True
                break
            found += self._reader.take(block)
            self.size += len(block)
            left -= len(block)
            self._grown = time.monotonic()
        self.has_more = left <= 0
        if self._reader.is_waiting and time.monotonic() - self._grown > self.settle:
            found += self._reader.end()
        return found

    def restore(self, position: Any) -> None:
        """It has no position."""

    def end(self) -> list[Event]:
        return self._reader.end()

    def close(self) -> None:
        """Its thread ends with the process."""


class FollowedContainer(FollowedPipe):
    """The log of a container. engine: the command that shows it."""

    def __init__(self, container: str, engine: str, last_lines: int | None, once: bool) -> None:
        super().__init__(container, None, 0.0 if once else _SETTLE)
        self.container, self.engine, self._last_lines, self.once = container, engine, last_lines, once
        self.key = f"position:container:{container}"
        self._process: subprocess.Popen[bytes] | None = None
        self._next = 0.0
        self._note = ""
        self._reader = LineReader(container, stamped=True)

    @property
    def position(self) -> Any:
        place = self._reader.place
        return list(place) if place.since else None

    def restore(self, position: Any) -> None:
        """Go on after the line that a position names."""
        self.close()
        self._reader = LineReader(self.container, as_place(position) if position else None, stamped=True)
        self._last_lines = None

    def read(self, most: int) -> list[Event]:
        """Return the events that up to so many new bytes complete; start the engine's command if it does not run."""
        if self._process is None:
            if time.monotonic() < self._next:
                return []
            self._start()
        found = super().read(most)
        if self.ended and self.once and self._process is not None:
            self._say_if_failed(self._process)
        elif self.ended:  # the container was stopped, or there is none
            self.ended = False
            self._say_why()
            self.restore(self.position)
            self._next = time.monotonic() + _AGAIN
        return found

    def _start(self) -> None:
        since = self._reader.place.since
        how = ["--since", since] if since else ["--tail", str(self._last_lines)] if self._last_lines is not None else []
        command = [self.engine, "logs", *([] if self.once else ["--follow"]), "--timestamps", *how, self.container]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: we end it
        )
        assert self._process.stdout is not None
        self._read_from(self._process.stdout)

    def _say_if_failed(self, process: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            if process.wait(_PATIENCE) and not self._note:
                why = f": {self._reader.said}" if self._reader.said else ""
                self._note = f"{self.container}: no such file, and {Path(self.engine).name} does not show a log of it{why}"
                self.notes.append(self._note)

    def _say_why(self) -> None:
        why = f": {self._reader.said}" if self._reader.said else ""
        note = f"{self.container}: {Path(self.engine).name} shows no more of its log{why}; asked again every {_AGAIN:g} s"
        if note != self._note:
            self.notes.append(note)
        self._note = note

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(queue.Empty):
                while True:  # its thread may wait for room
                    self._blocks.get_nowait()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def engine_here() -> str:
    """Return the command of a container engine. Raises UsageError if there is none."""
    for name in ENGINES:
        if found := shutil.which(name):
            return found
    raise UsageError("no container engine here: neither docker nor podman; name log files instead")


def _pump(stream: IO[bytes], blocks: "queue.Queue[bytes | None]") -> None:
    read = getattr(stream, "read1", stream.read)
    try:
        while block := read(_BLOCK):
            blocks.put(block)
    except (OSError, ValueError):  # closed
        pass
    blocks.put(None)

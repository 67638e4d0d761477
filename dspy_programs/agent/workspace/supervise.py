"""Run a command under limits and read what it says, never more than a little of it in memory.

Input      argv, a folder, an environment, bytes for its standard input; seconds; a flag that cancels.
Output     Finished: the exit code, the beginning and the end of the output (both streams, as they came), and what stopped it.
Guarantees returns at most about a second after the limit, whatever the command does: everything that it started is killed,
           children that hold the pipe, forked twice or in sessions of their own included.
"""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from dspy_programs.agent.workspace.reaper import descendants

_KEPT = 8_000  # bytes of the beginning, and as many of the end
_CHUNK = 65_536
_LOOK = 0.3  # seconds between two looks at the processes
_GRACE = 0.3  # seconds to read what is left after the end


class Caps(NamedTuple):
    """What a command may use."""

    processes: int = 128
    tasks: int = 512
    """Processes and threads: the kernel refuses more (process_limit.py)."""
    memory: int = 2 << 30
    """Bytes, of all its processes together."""
    output: int = 32 << 20
    """Bytes, until it is stopped; only the beginning and the end are kept."""
    file: int = 256 << 20
    """Bytes of one file."""


CAPS = Caps()


@dataclass(frozen=True)
class Finished:
    exit_code: int
    output: str
    stopped: str = ""
    """What stopped it, if it did not end by itself: "time", "cancelled", "output", "processes" or "memory"."""
    sandboxed: bool = False
    seconds: float = 0.0


@dataclass
class _Output:
    """The beginning and the end of a stream."""

    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    size: int = 0

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = _KEPT - len(self.head)
        self.head += chunk[:room]
        self.tail += chunk[max(0, room) :]
        del self.tail[:-_KEPT]

    def text(self) -> str:
        left_out = self.size - len(self.head) - len(self.tail)
        cut = f"\n[cut: {left_out:,} bytes left out here]\n".encode() if left_out else b""
        return bytes(self.head + cut + self.tail).decode("utf-8", "replace").replace("\0", "\\0")


def supervise(
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    stdin: bytes,
    seconds: float,
    cancelled: threading.Event,
    caps: Caps,
) -> Finished:
    """Run a command to its end or to a limit. Raises OSError if it cannot be started."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=dict(environment),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    output = _Output()
    assert process.stdout is not None
    with process.stdout as pipe:
        try:
            stopped = _follow(process, pipe.fileno(), output, started + seconds, cancelled, caps)
        finally:
            _end(process)
        _drain(pipe.fileno(), output)
    code = process.returncode
    return Finished(code if code >= 0 else 128 - code, output.text(), stopped, seconds=time.monotonic() - started)


def _follow(
    process: "subprocess.Popen[bytes]", pipe: int, output: _Output, until: float, cancelled: threading.Event, caps: Caps
) -> str:
    """Read until the process ends; return the limit that was reached, if one was."""
    os.set_blocking(pipe, False)
    is_open, looked, tasks = True, time.monotonic(), _tasks()
    while process.poll() is None:
        now = time.monotonic()
        if now > until:
            return "time"
        if cancelled.is_set():
            return "cancelled"
        if output.size > caps.output:
            return "output"
        if _tasks() - tasks > caps.processes and _made_in(process.pid) > caps.processes:
            return "processes"  # seen at a glance: amid a fork bomb there is no time to count
        if now - looked > _LOOK:
            looked = now
            below = descendants(process.pid)
            if len(below) > caps.processes:
                return "processes"
            if sum(each.memory for each in below) > caps.memory:
                return "memory"
        if is_open:
            is_open = _read(pipe, output, wait=0.02)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
    return ""


def _read(pipe: int, output: _Output, wait: float) -> bool:
    """Take what is there; return whether more may come."""
    if not select.select([pipe], [], [], wait)[0]:
        return True
    try:
        chunk = os.read(pipe, _CHUNK)
    except BlockingIOError:
        return True
    output.add(chunk)
    return bool(chunk)


def _drain(pipe: int, output: _Output) -> None:
    """Read what a process wrote before it ended."""
    until = time.monotonic() + _GRACE
    while time.monotonic() < until and select.select([pipe], [], [], 0)[0] and _read(pipe, output, wait=0):
        pass


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and everything below it.

    Its one child goes first: the first process of a sandbox takes all others with it. A reaper ends what is left to it.
    """
    if process.poll() is None:
        for child in _children(process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _children(number: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    except OSError:
        return []


def _made_in(number: int) -> int:
    """Return how many processes were made so far in the sandbox below a process; in none, as many as one likes."""
    for child in _children(number):
        try:
            return int(Path(f"/proc/{child}/root/proc/loadavg").read_text().split()[4])  # the last number given
        except (OSError, ValueError, IndexError):
            continue
    return 0


def _tasks() -> int:
    """Return how many threads this system has; 0 where it does not say."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 0

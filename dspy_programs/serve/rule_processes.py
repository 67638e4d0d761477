"""Worker processes for work by the rules that may be slow: one that is no longer waited for is killed.

A thread cannot be killed, and one regular expression can hold the whole interpreter, with its event loop. Requests of a few
lines do without: they take milliseconds, and a process would cost them as much again.

Input      a job and its body, as rule_process.py describes; the Work whose end kills the process.
Output     the answer's bytes; ServeError for a problem; Stopped.
Guarantees a process serves one job at a time, and the next one if it answered; starting one (a second or two) is paid again
           only after a kill, or when it has grown; none is left when the server ends, however it ends.
"""

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import dspy_programs
from dspy_programs.serve.problems import Fault, Unavailable, from_fault

if TYPE_CHECKING:
    from dspy_programs.serve.worker_pool import Work

LARGE = 64 * 1024  # bytes; a larger request is not parsed in the event loop
SMALL = 2 * 1024  # bytes; work by the rules on more is done in a process: a text that is one long word takes them long
_PATIENCE = 1.0  # seconds for work that nobody waits for any more, because a new process costs more
_ROOT = str(Path(dspy_programs.__file__).parent.parent)
_PROGRAM = "import sys; sys.path.append({!r}); from dspy_programs.serve.rule_process import main; main()"
_COMMAND = [sys.executable, "-P", "-c", _PROGRAM.format(_ROOT)]  # -P: no module comes from the working folder


class RuleProcess:
    """One process. `busy_with` is the work it does now."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        self.busy_with: Work | None = None
        self._is_ready = self.is_done = False  # done: it takes no more jobs

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def start(self) -> None:
        """Wait until it has started. Raises OSError if it does not."""
        self._is_ready = self._is_ready or self._from.readline() == b"ready\n"
        if not self._is_ready:
            raise OSError("a worker process does not start")

    def ask(self, job: str, body: bytes, work: "Work") -> bytes:
        """Return the answer. Raises ServeError for a problem, OSError if the process has ended."""
        self._to.write(f"{job} {len(body)}\n".encode() + body)
        self._to.flush()
        while (line := self._from.readline().split())[:1] == [b"progress"]:
            work.at = (int(line[1]), int(line[2]))
        size = int(line[1]) if len(line) == 3 else 0
        said = self._from.read(size)
        if not line or len(said) < size:
            raise OSError("a worker process has ended")
        self.is_done = line[2] == b"last"
        if line[0] == b"problem":
            raise from_fault(Fault.model_validate_json(said))
        return said

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what was not sent
            self._to.close()
        self._from.close()


class RuleProcesses:
    """The processes of one server; as many as there are calls at once."""

    def __init__(self) -> None:
        self._idle: list[RuleProcess] = []
        self._all: set[RuleProcess] = set()
        self._closed = False
        self._lock = threading.RLock()

    @property
    def ids(self) -> set[int]:
        return {one._process.pid for one in self._all}

    def warm(self) -> None:
        """Start one, so that the next large request waits less for it, or not at all."""
        if not (self._closed or self._idle):
            self._idle.append(self._new())

    def answer(self, job: str, body: bytes, work: "Work") -> bytes:
        """Return the answer, in the thread of the work. Raises ServeError, Stopped."""
        process = self._take()
        try:
            process.start()  # however long it takes: one that is killed meanwhile would have to start again
            process.busy_with = work
            work.on_stop = lambda: self._give_up(process, work)
            work.check()
            return process.ask(job, body, work)
        except (OSError, ValueError):  # killed, or out of memory
            process.is_done = True
            work.check()
            raise Unavailable("the worker process of this request has ended; send less at a time") from None
        finally:
            work.on_stop = None
            self._put_back(process)

    def close(self) -> None:
        self._closed = True
        for process in list(self._all):
            self._end(process)

    def _take(self) -> RuleProcess:
        with self._lock:
            while self._idle:
                if (process := self._idle.pop()).is_alive:
                    return process
                self._end(process)
        return self._new()

    def _new(self) -> RuleProcess:
        process = RuleProcess()
        self._all.add(process)
        return process

    def _put_back(self, process: RuleProcess) -> None:
        with self._lock:
            process.busy_with = None
            if process in self._all and not process.is_done:
                self._idle.append(process)
                return
        self._end(process)
        self.warm()

    def _give_up(self, process: RuleProcess, work: "Work") -> None:
        """Kill the process of work that was stopped: at once if its time is over, else if it does not end soon."""
        if time.monotonic() >= work.ends:
            self._kill(process, work)
        else:
            timer = threading.Timer(_PATIENCE, self._kill, (process, work))
            timer.daemon = True
            timer.start()

    def _kill(self, process: RuleProcess, work: "Work") -> None:
        with self._lock:
            if process.busy_with is work:
                self._all.discard(process)
                process._process.kill()  # its thread notices

    def _end(self, process: RuleProcess) -> None:
        with self._lock:
            self._all.discard(process)
        process.kill()

"""Run one command; when it ends, or this process receives a signal to end, stop everything it left running.

The sandbox does this by itself (its first process takes all others with it); this is for machines without one. Run as
`python -I -S reaper.py COMMAND ...`; it becomes the parent of whatever the command abandons (Linux: subreaper), so that
neither a second fork nor a session of its own gets away.

Output     the command's exit code, 128 + the signal that ended it, or 127 if it could not be started.
"""

import contextlib
import ctypes
import os
import signal
import sys
from typing import NamedTuple, NoReturn

_SUBREAPER, _PARENT_DIED = 36, 1  # prctl(2)
_MOST_ROUNDS = 200
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Process(NamedTuple):
    number: int
    memory: int
    """Bytes resident."""


def descendants(top: int) -> list[Process]:
    """Return the living processes below one; none where the system has no /proc."""
    below: dict[int, list[Process]] = {}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    with open(f"/proc/{name}/stat", "rb") as file:
                        fields = file.read().rpartition(b")")[2].split()
                    if fields[0] not in (b"Z", b"X"):
                        below.setdefault(int(fields[1]), []).append(Process(int(name), int(fields[21]) * _PAGE))
    found: list[Process] = []
    waiting = [top]
    while waiting:
        children = below.pop(waiting.pop(), [])
        found += children
        waiting += [child.number for child in children]
    return found


def end_all(top: int) -> None:
    """Kill everything below a process. All are stopped first, so that none makes more in the meantime."""
    for _ in range(_MOST_ROUNDS):
        left = descendants(top)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process.number, number)
        if not left:
            return


def main(command: list[str]) -> int:
    with contextlib.suppress(AttributeError, OSError):  # not Linux
        prctl = ctypes.CDLL(None).prctl
        prctl(_SUBREAPER, 1, 0, 0, 0)
        prctl(_PARENT_DIED, signal.SIGTERM, 0, 0, 0)

    def told(number: int, frame: object) -> NoReturn:
        end_all(os.getpid())
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, told)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with contextlib.suppress(OSError):
            os.execvp(command[0], command)
        os._exit(127)
    while (ended := os.waitpid(-1, 0))[0] != child:
        pass
    code = os.waitstatus_to_exitcode(ended[1])
    end_all(os.getpid())
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))

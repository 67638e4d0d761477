"""Let the kernel refuse one process too many, so that a fork bomb does no harm until supervise() looks.

RLIMIT_NPROC counts the processes and threads of a user; in a sandbox, since Linux 5.14, those of the sandbox alone. Root is
never refused by it: a control group with `pids.max` holds it, where this process may make one.

Input      the most processes and threads of a command.
Output     limit(): the beginning of a command line and a value for RLIMIT_NPROC. holder() says which of them is of use here.
Limits     root that may make no group, and systems other than Linux, have supervise() alone, which looks now and then. Where
           the limit is the user's, outside a sandbox, it is so many more than the user has at the start.
"""

import contextlib
import functools
import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

TRY = """
import os, resource, signal
resource.setrlimit(resource.RLIMIT_NPROC, (16, 16))
made = 0
try:
    while made < 64:
        if os.fork() == 0:
            signal.pause()
        made += 1
except OSError:
    pass
os._exit(7 if 3 < made < 16 else 8)
"""
"""Python that exits with 7 where RLIMIT_NPROC counts what runs in this sandbox, and nothing else."""
_NAME = "dspy-programs-"
_OLD = 60  # seconds; a younger one may be about to be filled
_LEAVING = 1.0  # seconds that the last process of a group may take to be gone


def holder(counts_alone: bool) -> Literal["sandbox", "user", "group", ""]:
    """Return whose limit it is that holds the processes of a command here; "" if the kernel has none for it."""
    if counts_alone:
        return "sandbox"
    if os.getuid() != 0:
        return "user" if os.path.isdir("/proc/self/task") else ""
    return "group" if _parent() is not None else ""


@contextlib.contextmanager
def limit(most: int, counts_alone: bool) -> Iterator[tuple[list[str], str]]:
    """Return what a command line is to begin with, and the value of RLIMIT_NPROC as the shell's ulimit takes it."""
    by = holder(counts_alone)
    parent = _parent() if by == "group" else None
    group = _made_in(parent, most) if parent is not None else None
    try:
        others = _tasks_of_user() if by == "user" else 0
        yield _join(group) if group is not None else [], str(most + others) if by in ("sandbox", "user") else "unlimited"
    finally:
        if group is not None:
            _remove(group)


def _tasks_of_user() -> int:
    found = 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                found += len(os.listdir(f"{entry.path}/task"))
    return found


@functools.cache
def _parent() -> Path | None:
    """Return the control group in which this process may make others and fill them; tried once in a process."""
    for parent in groups_in(_lines("/proc/self/cgroup"), _lines("/proc/self/mountinfo")):
        if (group := _made_in(parent, 16)) is not None:
            joined = subprocess.run([*_join(group), "true"], capture_output=True, check=False)
            _remove(group)
            if joined.returncode == 0:
                _sweep(parent)
                return parent
    return None


def _sweep(parent: Path) -> None:
    """Remove what processes that were killed have left; a group that is not empty cannot be removed."""
    for left in parent.glob(f"{_NAME}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _OLD:
                left.rmdir()


def _made_in(parent: Path, most: int) -> Path | None:
    group = parent / f"{_NAME}{uuid.uuid4().hex[:12]}"
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        (group / "pids.max").write_text(str(most))
    except OSError:  # the kernel does not count here
        _remove(group)
        return None
    return group


def _join(group: Path) -> list[str]:
    return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")]


def _remove(group: Path) -> None:
    until = time.monotonic() + _LEAVING
    while True:
        try:
            return group.rmdir()
        except FileNotFoundError:
            return None
        except OSError:
            if time.monotonic() > until:
                return None
            time.sleep(0.01)


def groups_in(cgroup: Sequence[str], mountinfo: Sequence[str]) -> Iterator[Path]:
    """Find the control groups that a process is in, the nearest first, of either version.

    cgroup, mountinfo: the lines of these two files of its folder in /proc.
    """
    with contextlib.suppress(ValueError):  # lines of a form that no kernel has so far
        own = {kinds: path for _, kinds, path in (line.split(":", 2) for line in cgroup)}
        for line in mountinfo:
            before, _, after = line.partition(" - ")
            root, mount = before.split()[3:5]
            kind, _, options = after.split(" ", 2)
            if kind == "cgroup2":
                path = own.get("")
            elif kind == "cgroup" and "pids" in options.split(","):
                path = next((each for kinds, each in own.items() if "pids" in kinds.split(",")), None)
            else:
                continue
            if path is not None and Path(path).is_relative_to(root):
                place = Path(mount) / Path(path).relative_to(root)
                yield from (each for each in (place, *place.parents) if each.is_relative_to(mount))


def _lines(path: str) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(path).read_text().splitlines()
    return []

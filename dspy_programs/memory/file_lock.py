"""One process at a time on a memory's file, so that reading, changing and writing it loses nothing.

The lock is the operating system's, on a small hidden file beside the memory: it ends with the process that holds it, however
that ends. A file system without such locks gets a mark there instead, which only its own machine can tell to be a dead one's.

Guarantees every path that leads to one file through links takes one lock; the lock file can be used by whoever may use the
           memory. Only those who ask for the lock wait for it: a program that writes the file directly does not.
Raises     UsageError if another process holds it longer than `wait` seconds, or the folder does not take a lock file.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from dspy_programs.atomic_file import target_of
from dspy_programs.errors import UsageError

WAIT_SECONDS = 60.0
_BY_UMASK = -1  # filelock's own default
_LONGEST = 50  # characters


@contextlib.contextmanager
def locked(path: Path, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold a memory's file, which may not exist yet, until the block ends."""
    target = target_of(path).absolute()
    if target.exists() and not target.is_file():
        raise UsageError(f"{path}: not a file; give a memory's JSON file")
    beside = target.with_name(f".{_short(target.name)}.lock")
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() and os.name == "posix" else _BY_UMASK
    lock = FileLock(beside, timeout=wait, mode=mode)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"{path}: another process has been using it for {wait:g} seconds; try again when that has ended, or delete "
            f"{beside} if it runs on no machine"
        ) from error
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be locked: {beside}: {why}; keep the memory where files can be written") from error
    try:
        yield
    finally:
        lock.release()


def _short(name: str) -> str:
    """Return a name, or for a long one a shorter name that no other has: one with the lock's ending has at most 255 bytes."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"

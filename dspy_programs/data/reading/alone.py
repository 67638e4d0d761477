"""One process at a time makes a data set.

The lock is the operating system's, on a small hidden file beside the pairs: it ends with the process that holds it, however
that ends. What a killed process left half-written is removed by the next one.
Raises     UsageError if another process holds it, or the folder cannot be written.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dspy_programs.errors import UsageError

_TEMPORARY = re.compile(r"\.(?P<of>.+)\.[0-9a-f]{12}")  # as dspy_programs/atomic_file.py names them
_LONGEST = 60  # characters of the name in them: a longer one could be another data set's


@contextmanager
def alone(pairs: Path, others: tuple[Path, ...] = ()) -> Iterator[None]:
    """Hold the data set whose file of pairs this is until the block ends. others: what is written with it."""
    lock = FileLock(pairs.with_name(f".{pairs.stem}.lock"), timeout=0)
    try:
        pairs.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise UsageError(f"{pairs}: another process is writing it; try again when that has ended") from error
    except (OSError, NotImplementedError) as error:
        raise UsageError(f"{pairs}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
    try:
        _remove_leftovers(pairs.parent, {path.name for path in (pairs, *others) if len(path.name) <= _LONGEST})
        yield
    finally:
        lock.release()


def _remove_leftovers(folder: Path, names: set[str]) -> None:
    for path in folder.glob(".*"):
        match = _TEMPORARY.fullmatch(path.name)
        if match and match["of"] in names:
            path.unlink(missing_ok=True)

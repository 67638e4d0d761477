"""The folder of downloaded weights: where it is, its locks, scratch space and what is verified in it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from dspy_programs.errors import WeightsError
from dspy_programs.lm.weights.hashes import remember
from dspy_programs.lm.weights.messages import say

CACHE_VARIABLE = "DSPY_PROGRAMS_CACHE"
_SPARE_BYTES = 64_000_000


def cache_directory() -> Path:
    """Return the folder for downloaded weights: DSPY_PROGRAMS_CACHE itself, else `weights` in the user's cache."""
    if moved := os.environ.get(CACHE_VARIABLE):
        return Path(moved).expanduser()
    return platformdirs.user_cache_path("dspy-programs") / "weights"


def notes_directory() -> Path:
    """Return the folder where file hashes are remembered."""
    return cache_directory() / "hashes"


def keep(part: Path, final: Path, sha256: str) -> None:
    """Move a file whose hash is known to its final name, so that it survives a power failure."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, final)
    remember(final, sha256, notes_directory())
    if os.name == "posix":
        folder = os.open(final.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def require_room(name: str, needed: int, directory: Path, free_bytes: Callable[[Path], int]) -> None:
    needed, free = needed + _SPARE_BYTES, free_bytes(directory)
    if free < needed:
        raise WeightsError(
            f"{directory}: {name} needs {needed / 1e6:,.0f} MB free, but only {free / 1e6:,.0f} MB are; "
            f"free some space, or set {CACHE_VARIABLE} to a directory that has it"
        )


@contextmanager
def alone(final: Path, progress: bool) -> Iterator[None]:
    lock = FileLock(f"{final}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Waiting for another process that is fetching {final.name}", progress)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """Yield an empty directory next to `target`; leftovers of a killed process are removed first."""
    work = target.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)

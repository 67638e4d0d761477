"""The file of a data set's judgments under one tag: written as they are made, continued after any end.

Guarantees a line is whole or cut off at the next start; a judgment that is in it is not made again. One process at a time
           writes it. Lines of another judge, model, rubric or minimum are no answer to today's question: they are moved to
           FILE.bak when the first new judgment arrives, not before. `fresh` does so with all lines, and is
           remembered beside the file until a run is complete, so that an interrupted one goes on where it was.
Raises     RunLocked while another process writes it; RunError where a line cannot be written; UsageError for what is no file.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from dspy_programs.atomic_file import target_of
from dspy_programs.data.judging.judgment import Judgment, as_line, judgment_in
from dspy_programs.errors import DatasetError, RunError, RunLocked, UsageError


class JudgmentsFile:
    """Use as a context manager. digest: of the judge, as in the lines; fresh: begin anew, unless that was interrupted."""

    def __init__(self, path: Path, digest: str, fresh: bool = False) -> None:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: not a file; name one to write judgments to")
        path = target_of(path)  # two links to one file are one file
        self.path, self.digest, self.fresh = path, digest, fresh
        self.done: set[int] = set()  # of a key and an id: a million lines take less memory as numbers
        self.replaced = 0  # lines that are not of this judge
        self._marker = path.with_name(f".{path.name}.unfinished")
        self._aside = False  # whether the file must be moved before the first line
        self._descriptor: int | None = None
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)

    def __enter__(self) -> "JudgmentsFile":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise RunLocked(
                f"{self.path}: another process is judging into it; wait for its end, or give another --tag"
            ) from None
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        try:
            self._read()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._lock.release()

    def holds(self, key: str, pair_id: str) -> bool:
        """Return whether a pair has the judgment of a key: pairs that look the same to the judge have a line each."""
        return _number_of(key, pair_id) in self.done

    def append(self, judgment: Judgment) -> None:
        """Write a line, whole, before it counts as done."""
        line = as_line(judgment)
        try:
            if self._descriptor is None:
                self._descriptor = self._opened()
            self._write(self._descriptor, line)
        except OSError as error:
            again = "free some space and run the same command again: what is written is kept"
            raise RunError(f"{self.path}: cannot write: {error.strerror or error}; {again}") from error
        self.done.add(_number_of(judgment.key, judgment.pair_id))

    def finished(self) -> None:
        """Note that nothing is missing."""
        self._marker.unlink(missing_ok=True)

    def _read(self) -> None:
        begun_anew = self._marker.exists()
        mine = 0
        for judgment in _readable(self.path):
            if judgment is None or judgment.judge != self.digest:
                self.replaced += 1
            else:
                self.done.add(_number_of(judgment.key, judgment.pair_id))
                mine += 1
        self._aside = self.replaced > 0 or (self.fresh and not begun_anew and mine > 0)
        if self._aside:
            self.done.clear()

    def _opened(self) -> int:
        """Open the file for appending, at the end of its last whole line."""
        if self.fresh:
            self._marker.touch()
        if self._aside:
            os.replace(self.path, self.path.with_name(f"{self.path.name}.bak"))
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        os.ftruncate(descriptor, whole_bytes(self.path))
        return descriptor

    @staticmethod
    def _write(descriptor: int, line: bytes) -> None:
        size = os.fstat(descriptor).st_size
        try:
            written = os.write(descriptor, line)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        if written < len(line):
            os.ftruncate(descriptor, size)
            raise OSError(0, "the disk took only a part of the line")


def _readable(path: Path) -> Iterator[Judgment | None]:
    """Yield each whole line's judgment, None for a line that is none."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.endswith(b"\n") and line.strip():
                found = None
                with contextlib.suppress(DatasetError):
                    found = judgment_in(line, path, number)
                yield found if found is None or found.key else None


def _number_of(key: str, pair_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{key} {pair_id}".encode("utf-8", "replace"), digest_size=8).digest())


def whole_bytes(path: Path) -> int:
    """Return how many bytes of a file are whole lines."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            if (found := file.read(end - start).rfind(b"\n")) >= 0:
                return start + found + 1
            end = start
    return 0


def read_judgments(path: Path) -> Iterator[Judgment]:
    """Yield each judgment; one that failed has no scores and is none, as is a last line that a kill cut off.

    Raises DatasetError with the line of what is none.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found = judgment_in(line, path, number)
            except DatasetError:
                if line.endswith(b"\n"):
                    raise
                return
            if found.scores and not found.error:
                yield found

"""A log file that grows: what is new in it, also after it was rotated, truncated, or replaced.

Guarantees a file that was renamed is read to its end before the new one of its name is begun; one that was deleted while it
           was read is read to its end; no line is read twice, also if the process was killed meanwhile (see Place).
Limits     lines of a file that was renamed and packed, or deleted, while nobody followed it are not found; that is said.
"""

import os
import stat
import time
from pathlib import Path
from typing import Any, BinaryIO

from dspy_programs.code.log_bus.file_identity import Identity, digest_of_head, found_file
from dspy_programs.code.log_bus.last_lines import place_of_last
from dspy_programs.code.log_bus.open_files import OpenFiles
from dspy_programs.encoding import HEAD, encoding_of
from dspy_programs.logs import Event, LineReader, Place, as_place

_TOLD = 256  # bytes at a file's beginning that tell it from another one


class FollowedFile:
    """One path.

    Args:
        path: It need not exist yet.
        pool: Shared by all files that are followed.
        last_lines: Begin so many lines before the end; None: at the beginning.
        settle: Seconds without growth after which an unfinished event, or line, counts as finished.
    """

    ended = False

    def __init__(self, path: Path, name: str, pool: OpenFiles, last_lines: int | None, settle: float) -> None:
        self.path, self.name, self.pool, self.settle = path, name, pool, settle
        self.key = f"position:{os.path.abspath(path)}"
        self.notes: list[str] = []
        self.has_more, self.size = False, 0
        self._last_lines = last_lines
        self._file: BinaryIO | None = None
        self._head = b""
        self._identity: tuple[int, int] | None = None
        self._reader = LineReader(str(path))
        self._seen: tuple[int, int, int] | None = None  # of the path when there was nothing new
        self._grown = time.monotonic()
        self._replaced = 0.0

    @property
    def position(self) -> Any:
        """What restore() takes; None before anything was read."""
        if self._identity is None:
            return None
        place = self._reader.place
        known = min(len(self._head), place.offset)
        return [*self._identity, known, digest_of_head(self._head[:known]), list(place)]

    def restore(self, position: Any) -> None:
        """Go on where a position says; without one at the beginning."""
        self.rest()
        self._seen = self._identity = None
        self._head = b""
        self._reader = LineReader(str(self.path))
        if not isinstance(position, list) or len(position) != 5:
            return
        place = as_place(position[4])
        found = found_file(self.path, Identity(*position[:4]), place.offset)
        if found is None:
            self._lost(place)
        else:
            self._begin(found, place)

    def _lost(self, place: Place) -> None:
        self._reader = LineReader(str(self.path))
        if place.offset and self.path.exists():
            self.notes.append(f"{self.path}: replaced while nobody followed it; its new lines are read from the beginning")

    def _begin(self, file: BinaryIO, place: Place) -> None:
        status = os.fstat(file.fileno())
        self._file, self._identity = file, (status.st_dev, status.st_ino)
        file.seek(0)
        head = file.read(HEAD)
        self._head = head[:_TOLD]
        encoding = "cp1252" if encoding_of(head) == "cp1252" else "utf-8"
        self._reader = LineReader(str(self.path), place, encoding=encoding)
        file.seek(place.offset)
        self.pool.use(self)

    def read(self, most: int) -> list[Event]:
        """Return the events that up to so many new bytes complete."""
        self.has_more = False
        if self._file is None and not self._opened():
            return self._settled()
        assert self._file is not None
        status = os.fstat(self._file.fileno())
        if status.st_size > self._reader.read_to or status.st_size < self._reader.read_to:
            if self._was_rewritten(status.st_size):
                return self._truncated()
            if data := self._file.read(most):
                self.has_more = True
                self.size += len(data)
                return self._taken(data)
        return self._at_end(status)

    def _taken(self, data: bytes) -> list[Event]:
        if len(self._head) < _TOLD:
            self._head = (self._head + data)[:_TOLD] if self._reader.read_to == len(self._head) else self._head
        self._grown = time.monotonic()
        self.pool.use(self)
        return self._reader.take(data)

    def _was_rewritten(self, size: int) -> bool:
        """Return whether the open file is shorter than what was read, or begins otherwise."""
        assert self._file is not None
        if size < self._reader.read_to:
            return True
        here = self._file.tell()
        self._file.seek(0)
        is_same = self._file.read(len(self._head)) == self._head
        self._file.seek(here)
        return not is_same

    def _truncated(self) -> list[Event]:
        assert self._file is not None
        found = self._reader.end()
        self.notes.append(f"{self.path}: truncated; read again from the beginning")
        self._begin(self._file, Place())
        self.has_more = True
        return found

    def _at_end(self, status: os.stat_result) -> list[Event]:
        """Go over to a new file of the same name, if there is one; or wait."""
        try:
            now = os.stat(self.path)
        except OSError:
            now = None
        if now is not None and (now.st_dev, now.st_ino) == (status.st_dev, status.st_ino):
            self._seen, self._replaced = (now.st_ino, now.st_size, now.st_mtime_ns), 0.0
            return self._settled()
        if now is None and status.st_nlink:
            return self._settled()  # renamed: its writer goes on until it makes a new one
        self._replaced = self._replaced or time.monotonic()
        if now is not None and time.monotonic() - self._replaced < self.settle:
            return []  # its writer may not have noticed yet
        found = self._reader.end()
        self.rest()
        self._identity, self._head, self._reader, self._replaced = None, b"", LineReader(str(self.path)), 0.0
        self.has_more = now is not None
        return found

    def _settled(self) -> list[Event]:
        """Return what has not grown for so long that it must be finished."""
        if not self._reader.is_waiting or time.monotonic() - self._grown < self.settle:
            return []
        return self._reader.end()

    def _opened(self) -> bool:
        """Open the file again, or for the first time, if there may be something new in it."""
        try:
            now = os.stat(self.path)
            if not stat.S_ISREG(now.st_mode):  # opening a pipe would block
                return False
            if self._seen == (now.st_ino, now.st_size, now.st_mtime_ns):
                return False
            if self._identity is not None:
                position = self.position
                place = self._reader.place
                found = found_file(self.path, Identity(*position[:4]), place.offset)
                if found is not None:
                    self._begin(found, place)
                    return True
                self._lost(place)
            file = self.path.open("rb")
        except OSError:  # not there yet, or not for us: it may come
            return False
        self._begin(file, self._first_place(file))
        return True

    def _first_place(self, file: BinaryIO) -> Place:
        last_lines, self._last_lines = self._last_lines, None
        return Place() if last_lines is None else place_of_last(file, last_lines)

    def end(self) -> list[Event]:
        """Return what is complete if nothing more comes."""
        return self._reader.end()

    def rest(self) -> None:
        """Close the file until it grows."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.pool.drop(self)

    close = rest

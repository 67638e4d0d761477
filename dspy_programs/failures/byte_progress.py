"""Progress in bytes while reading files: the total is known in advance, even for compressed files."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

T = TypeVar("T")
_EVERY = 50  # records


class ByteProgress:
    """Reports (bytes read, total bytes) while records are read from files."""

    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self.progress = progress
        self.total = self.done = 0

    def expect(self, files: Iterable[Path]) -> None:
        """Add files that will be read."""
        self.total += sum(map(_size_of, files))

    def along(self, records: Iterable[T], path: Path, file: BinaryIO) -> Iterator[T]:
        """Pass records on, reporting the position in the file now and then."""
        for number, record in enumerate(records):
            if number % _EVERY == 0:
                self.progress(self.done + file.tell(), self.total)
            yield record
        self.done += _size_of(path)
        self.progress(self.done, self.total)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # deleted meanwhile; the reader reports it

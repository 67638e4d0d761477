"""The labels of a data set: an append-only file, in which the last line of a pair counts.

store = LabelStore(DataFolder().labels("mine"))
store.append(Label(pair_id=pair.id, status="approved", labeler="interactive"))
store.last(pair.id)

Guarantees a line is written whole, at the end, and is on the disk before `append` returns: several processes can label at
           once, and one that is killed loses at most the line it was writing. An edit stays until it is taken back, whatever
           is said of the pair afterwards.
Raises     UsageError for a file that cannot be read or written.
"""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from dspy_programs.data.labels.label import Label, as_line
from dspy_programs.data.line_index import LineIndex
from dspy_programs.errors import UsageError

_BATCH_BYTES = 1 << 18


class LabelStore:
    """The file, and where in it each pair's labels are."""

    def __init__(self, path: Path) -> None:
        """path: the file; it is made at the first label."""
        self.path = path
        self._index = LineIndex(path)

    @property
    def broken(self) -> int:
        """How many lines were cut off and are left out."""
        return self._index.broken

    def lines(self) -> Iterator[Label]:
        """Yield every line's label, oldest first."""
        return self._labels(self._index.all_lines())

    def last(self, pair_id: str) -> Label | None:
        """Return what is said of a pair, with its edit; None if nothing is, or it was taken back."""
        newest = edit = None
        for label in self._labels(self._index.newest_first(pair_id)):
            newest = newest or label
            if label.edit is not None:
                edit = label.edit
                break
        if newest is None or (newest.status is None and not edit):
            return None
        return newest.model_copy(update={"edit": edit or None})

    def history(self, pair_id: str) -> list[Label]:
        """Return all that was said of a pair, oldest first."""
        return list(self._labels(self._index.newest_first(pair_id)))[::-1]

    def load(self) -> dict[str, Label]:
        """Return every pair's label: for data sets that fit in memory."""
        return {label.pair_id: label for label in self.each()}

    def each(self) -> Iterator[Label]:
        """Yield every pair's label."""
        found = (self.last(line["pair_id"]) for line in self._index.all_last())
        return (label for label in found if label)

    def append(self, label: Label) -> None:
        self.append_all([label])

    def append_all(self, labels: Iterable[Label]) -> int:
        """Write labels; return how many. None is written if the iterator raises."""
        count = 0
        with tempfile.SpooledTemporaryFile(_BATCH_BYTES) as held:
            for label in labels:
                held.write(as_line(label))
                count += 1
            held.seek(0)
            if count:
                self._write(iter(lambda: b"".join(held.readlines(_BATCH_BYTES)), b""))
        self._index.refresh()
        return count

    def refresh(self) -> None:
        """Read what other processes wrote since."""
        self._index.refresh()

    def is_newer(self, pair_id: str) -> bool:
        """Return whether something was said of the pair since the store was opened, as far as it has been read."""
        return self._index.has_grown(pair_id)

    def _write(self, batches: Iterable[bytes]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            try:
                for lines in batches:
                    _append(file, lines)
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror or error}") from error

    def _labels(self, lines: Iterable[dict[str, object]]) -> Iterator[Label]:
        for line in lines:
            try:
                yield Label.model_validate(line)
            except ValidationError:
                continue  # of another tool, with a status that nobody knows


def _append(file: int, lines: bytes) -> None:
    """Write whole lines by one call, which the system appends as one piece; after a line that was cut off, on a new one."""
    os.lseek(file, -1 if os.fstat(file).st_size else 0, os.SEEK_END)  # writing is at the end all the same
    lines = lines if os.read(file, 1) in (b"", b"\n") else b"\n" + lines
    if os.write(file, lines) != len(lines):
        raise OSError(errno.ENOSPC, "the disk is full")

"""Watch a folder that agents write traces to: each trace is classified as it arrives.

Input      a folder; files in it may appear, grow line by line, be replaced or deleted.
Output     Items, one for each time a trace is written. One with neither a trace nor a problem takes back the problem given
           for its source before: that can be read now, or is no longer there.
Guarantees a line is read once it is complete. A JSON file is read at once if it is complete, else when it has stopped
           changing. Lines that belong together (spans, an unfinished recording) are read when the file has been unchanged
           for REST seconds. An unreadable record is an Item with a problem, given once. Only a few numbers are kept per
           file, and which records in it were unreadable, at most MOST_PROBLEMS.
"""

import os
import time
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import NamedTuple

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.auto import Parser
from dspy_programs.failures.reader import LONGEST_LINE, Item, Lines, read_file
from dspy_programs.failures.reports.place import parse_place
from dspy_programs.failures.trace_files import LINES, files_in

REST = 60.0  # seconds
MOST_PROBLEMS = 1000  # of a file that can be taken back
QUIET_LOOKS = 2  # without a change, after which an incomplete JSON file stays incomplete


class Mark(NamedTuple):
    """A file's outer state: new contents change it."""

    file: int
    size: int
    changed: float


class Seen:
    """How far a file has been read.

    quiet       scans without a change
    done        everything in it was read
    problems    sources in it that were given as unreadable
    """

    def __init__(self, mark: Mark, problems: set[str]) -> None:
        self.mark = mark
        self.problems = problems
        self.offset = self.line = self.quiet = 0
        self.done = self.in_parts = False


class Watch:
    """Scans a folder repeatedly; each `look` yields what is new since the last."""

    def __init__(self, folder: Path, format: str | None = None) -> None:
        """Raises UsageError if there is no such folder or format."""
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder; give the one that traces are written to")
        self.folder, self.parser = folder, Parser(format)
        self.seen: dict[Path, Seen] = {}

    def look(self, last: bool = False) -> Iterator[Item]:
        """Yield the new records. last: this is the last scan, so wait for nothing."""
        files = files_in(self.folder).files
        for path in self.seen.keys() - set(files):
            del self.seen[path]
        for path in files:
            if (seen := self.update(path)) is not None and not seen.done:
                yield from self.new_in(path, seen, last)

    def update(self, path: Path) -> Seen | None:
        """Record the file's current state; None if it is gone. A replaced or shrunken file is read from the start."""
        try:
            status = path.stat()
        except OSError:
            return None
        mark, seen = Mark(status.st_ino, status.st_size, status.st_mtime), self.seen.get(path)
        if seen is None or mark.file != seen.mark.file or mark.size < seen.offset:
            seen = self.seen[path] = Seen(mark, set() if seen is None else seen.problems)
        elif mark != seen.mark:
            seen.mark, seen.quiet, seen.done = mark, 0, False
        else:
            seen.quiet += 1
        return seen

    def new_in(self, path: Path, seen: Seen, last: bool) -> Iterator[Item]:
        if path.suffix.lower() not in LINES:
            items = list(read_file(path, self.parser))
            if last or seen.quiet >= QUIET_LOOKS or all(item.problem is None for item in items):
                seen.done = os.access(path, os.R_OK)  # a right given later leaves no other mark
                yield from _told(seen, items, seen.problems)
            return
        if not seen.in_parts:
            yield from self.new_lines(path, seen, last)
        if seen.in_parts and (last or time.time() - seen.mark.changed >= REST):
            seen.done = True
            items = list(read_file(path, self.parser))
            new = [item for item in items if item.source == str(path) or parse_place(item.source).line > seen.line]
            yield from _told(seen, new, {source for source in seen.problems if not source.startswith(f"{path}:")})

    def new_lines(self, path: Path, seen: Seen, last: bool) -> Iterator[Item]:
        """Yield the records of the lines completed since the last scan."""
        lines = Lines(str(path), self.parser)
        try:
            with open(path, "rb") as file:
                file.seek(seen.offset)
                taken_back = seen.problems if seen.offset == 0 else seen.problems & {str(path)}
                yield from _told(seen, [], taken_back)
                while line := file.readline(LONGEST_LINE + 1):
                    if not line.endswith(b"\n") and len(line) <= LONGEST_LINE and not last:
                        return
                    found = list(lines.items(file, line.removeprefix(b"\xef\xbb\xbf"), seen.line + 1))
                    if lines.parts:
                        seen.in_parts = True
                        return
                    seen.line, seen.offset = seen.line + 1, file.tell()
                    yield from _told(seen, found, set())
        except OSError as error:
            problem = Item(str(path), None, f"cannot be read: {error.strerror or error}")
            yield from _told(seen, [problem], seen.problems & {problem.source})


def _told(seen: Seen, items: Iterable[Item], read_again: Set[str]) -> Iterator[Item]:
    """Yield what is new in items. read_again: the sources, of those given as unreadable, that were read once more for them."""
    items = list(items)
    gone = sorted(read_again - {item.source for item in items if item.problem is not None})
    seen.problems.difference_update(gone)
    yield from (Item(source, None, None) for source in gone)
    for item in items:
        if item.problem is not None:
            if item.source in seen.problems:
                continue
            if len(seen.problems) < MOST_PROBLEMS:
                seen.problems.add(item.source)
        yield item

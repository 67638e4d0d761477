"""A folder that agents write traces into: each trace is classified as it comes.

Input      a folder; files in it may appear, grow line by line, be replaced or deleted.
Output     Items, each trace once for each time it was written.
Holds      a line is read when its end is there. A JSON file is read at once if it is whole, else when it has stopped
           changing. Lines that belong together (spans, an unfinished recording) are read when the file has rested for
           REST seconds. What cannot be read is an Item with a problem. A few numbers are kept for each file.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.auto import Parser
from dspy_programs.failures.reader import LINES, LONGEST_LINE, Item, Lines, files_in, read_file
from dspy_programs.failures.reports.place import place_of

REST = 60.0  # seconds
QUIET_LOOKS = 2  # without a change: then a JSON file that is not whole will not become whole


class Mark(NamedTuple):
    """What a file looks like from outside: new contents change it."""

    file: int
    size: int
    changed: float


class Seen:
    """How far a file was read. `quiet`: for how many looks it has been as it is; `done`: all that is there was read."""

    def __init__(self, mark: Mark) -> None:
        self.mark = mark
        self.offset = self.line = self.quiet = 0
        self.done = self.in_parts = False


class Watch:
    """Looks at a folder again and again; each `look` gives what is new since the last."""

    def __init__(self, folder: Path, format: str | None = None) -> None:
        """Raises UsageError where there is no such folder or format."""
        if not folder.is_dir():
            raise UsageError(f"{folder}: is no folder; name the one that traces are written into")
        self.folder, self.parser = folder, Parser(format)
        self.seen: dict[Path, Seen] = {}

    def look(self, last: bool = False) -> Iterator[Item]:
        """Give the records that are new. last: nobody looks again, so nothing is waited for."""
        files = files_in(self.folder).files
        for path in self.seen.keys() - set(files):
            del self.seen[path]
        for path in files:
            if (seen := self.update(path)) is not None and not seen.done:
                yield from self.new_in(path, seen, last)

    def update(self, path: Path) -> Seen | None:
        """Note what the file looks like now, None where it is gone. A file that is another or has shrunk starts anew."""
        try:
            status = path.stat()
        except OSError:
            return None
        mark, seen = Mark(status.st_ino, status.st_size, status.st_mtime), self.seen.get(path)
        if seen is None or mark.file != seen.mark.file or mark.size < seen.offset:
            seen = self.seen[path] = Seen(mark)
        elif mark != seen.mark:
            seen.mark, seen.quiet, seen.done = mark, 0, False
        else:
            seen.quiet += 1
        return seen

    def new_in(self, path: Path, seen: Seen, last: bool) -> Iterator[Item]:
        if path.suffix.lower() not in LINES:
            items = list(read_file(path, self.parser))
            if last or seen.quiet >= QUIET_LOOKS or all(item.problem is None for item in items):
                seen.done = True
                yield from items
            return
        if not seen.in_parts:
            yield from self.new_lines(path, seen, last)
        if seen.in_parts and (last or time.time() - seen.mark.changed >= REST):
            seen.done = True
            for item in read_file(path, self.parser):
                if item.source == str(path) or place_of(item.source).line > seen.line:  # other lines were given before
                    yield item

    def new_lines(self, path: Path, seen: Seen, last: bool) -> Iterator[Item]:
        """Give the records of the lines that have ended since the last look."""
        lines = Lines(str(path), self.parser)
        try:
            with open(path, "rb") as file:
                file.seek(seen.offset)
                while line := file.readline(LONGEST_LINE + 1):
                    if not line.endswith(b"\n") and len(line) <= LONGEST_LINE and not last:
                        return
                    found = list(lines.items(file, line.removeprefix(b"\xef\xbb\xbf"), seen.line + 1))
                    if lines.parts:
                        seen.in_parts = True
                        return
                    seen.line, seen.offset = seen.line + 1, file.tell()
                    yield from found
        except OSError as error:
            yield Item(str(path), None, f"cannot be read: {error.strerror or error}")

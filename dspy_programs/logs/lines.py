"""The lines of log files of any size, one at a time.

Guarantees constant memory, also for a file that is one line; colours and what containers put before each line are taken off;
           UTF-8, UTF-16 with its mark and Windows-1252 are read, anything else with marks for what it is not.
Raises     UsageError for a path that is not there or cannot be read.
"""

import contextlib
import gzip
import io
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from dspy_programs.encoding import HEAD, encoding_of
from dspy_programs.errors import UsageError

STDIN = Path("-")
_NAME = re.compile(
    r"\.(log|out|err|txt|jsonl|ndjson)(\.\d+|-\d+)?(\.gz)?$|(^|/)(syslog|messages|stdout|stderr)(\.\d+)?(\.gz)?$", re.I
)
_OLD = re.compile(r"\.\d+(?:\.gz)?$|-\d+(?:\.gz)?$|\.gz$", re.I)
LONGEST = 20_000  # characters of a line that are read
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_CONTAINER = re.compile(r"^(?:\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) (?:stdout|stderr) [FP] |[\w.-]{1,60}\s*\| )")
"""What Kubernetes and docker compose put before each line."""


class LogLine(NamedTuple):
    path: str
    number: int
    text: str


def log_files(path: Path) -> list[Path]:
    """Return the log files of a folder, rotated and packed ones among them, in the order of their names; or the file."""
    if path == STDIN or is_file(path):
        return [path]
    found = sorted(Path(name) for name in log_names(path))
    if not found:
        raise UsageError(f"{path}: no log files (.log, .out, .err, .txt, .jsonl, also rotated or .gz) in it; name a file")
    return found


def is_file(path: Path) -> bool:
    """Return whether a path is a file, not a folder. Raises UsageError if it is neither, or cannot be read."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UsageError(f"{path}: not a regular file; to read from a pipe, give - and redirect it to stdin")
    return stat.S_ISREG(mode)


def log_names(folder: Path, *, rotated: bool = True) -> Iterator[str]:
    """Yield the paths of the log files below a folder, in no order. No link is followed. rotated: old ones too."""
    for top, _, names in os.walk(folder):
        for name in names:
            if (found := _NAME.search(path := f"{top}/{name}")) and (rotated or not _OLD.search(found[0])):
                with contextlib.suppress(OSError):  # deleted meanwhile
                    if stat.S_ISREG(os.lstat(path).st_mode):
                        yield path


def lines_of(path: Path) -> Iterator[LogLine]:
    """Yield the lines of one file; of a longer line the beginning."""
    with opened_log(path) as (file, encoding, name):
        yield from lines_as(file, encoding, name)


def lines_as(file: io.BufferedReader, encoding: str, name: str) -> Iterator[LogLine]:
    """Yield the lines of bytes."""
    yield from _lines(io.TextIOWrapper(file, encoding, "replace", newline=""), name)


@contextlib.contextmanager
def opened_log(path: Path) -> Iterator[tuple[io.BufferedReader, str, str]]:
    """Give a log's bytes, their encoding, and its name in events. Raises UsageError, also for what fails in the block."""
    try:
        with _opened(path) as file:
            encoding = encoding_of(file.peek(HEAD)[:HEAD]) or "utf-8"
            yield file, encoding, "stdin" if path == STDIN else str(path)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def lines_in(text: str, name: str) -> Iterator[LogLine]:
    """Yield the lines of a log that is a text, as `lines_of` would."""
    yield from _lines(io.StringIO(text, newline="\n"), name)


def _opened(path: Path) -> io.BufferedReader:
    if path == STDIN:
        return cast(io.BufferedReader, sys.stdin.buffer)
    if path.suffix.lower() == ".gz":
        return io.BufferedReader(cast(io.RawIOBase, gzip.open(path, "rb")))
    return path.open("rb")


def _lines(file: IO[str], name: str) -> Iterator[LogLine]:
    number, inside = 0, False
    while text := file.readline(LONGEST):
        is_end = text.endswith("\n")
        if not inside:
            number += 1
            yield LogLine(name, number, plain(text.rstrip("\r\n")))
        inside = not is_end


def plain(text: str) -> str:
    """Return a line without colours and without what a container's engine puts before it."""
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if "| " in text or " F " in text or " P " in text:
        text = _CONTAINER.sub("", text, count=1)
    return text

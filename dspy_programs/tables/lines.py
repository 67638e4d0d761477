"""Bytes and lines of a text file, compressed or not, or of standard input.

Guarantees a line of any length takes bounded memory; a compressed file cannot unpack to far more than it is.
Raises     DatasetError for a file that cannot be read.
"""

import gzip
import itertools
import math
import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

from dspy_programs.errors import DatasetError
from dspy_programs.tables.row import one_line
from dspy_programs.text_stream import recoded

STANDARD = Path("-")
LONGEST_LINE = 1_000_000  # bytes; any row that a model could read is far shorter
PACKED = 200, 10_000_000  # maximum compression ratio of text, checked above this many bytes
_MARK = "\ufeff"  # also where a file is joined to another


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line with its end). One that is too long is cut to a little more than LONGEST_LINE."""
    most, read = most_unpacked(path), 0
    with opened(path) as file:
        for number in itertools.count(1):
            line = file.readline(LONGEST_LINE + 2)
            if not line:
                return
            read += len(line)
            if read > most:
                raise packed_too_well(path)
            yield number, line
            while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE + 2) or b"\n"
                read += len(line)


def most_unpacked(path: Path) -> float:
    """Return how many bytes may come out of a file."""
    ratio, floor = PACKED
    return max(floor, ratio * path.stat().st_size) if is_packed(path) else math.inf


def packed_too_well(path: Path) -> DatasetError:
    return DatasetError(f"{path}: unpacks to more than {PACKED[0]} times its size; give it uncompressed")


def place_of(path: Path) -> str:
    return "stdin" if path == STANDARD else str(path)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, compressed or not, as UTF-8 without a byte order mark; errors while it is open become one line."""
    with reading(place_of(path)), _stream(path) as file:
        yield recoded(file, by_mark=True)


def _stream(path: Path) -> AbstractContextManager[BinaryIO]:
    if path == STANDARD:
        return nullcontext(sys.stdin.buffer)
    return cast(BinaryIO, gzip.open(path)) if is_packed(path) else path.open("rb")


def is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


@contextmanager
def reading(place: object) -> Iterator[None]:
    """Turn errors of a file system or a compressed file into one line."""
    try:
        yield
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        raise DatasetError(f"{place}: cannot be read: {reason}") from error


def decoded(where: str, line: bytes, longest: int = LONGEST_LINE) -> str:
    if len(line) > longest:
        raise DatasetError(f"{where}: row: longer than {longest:,} bytes")
    if b"\0" in line:
        raise DatasetError(f"{where}: row: byte {line.index(0) + 1} is NUL, so this is not text; save the file as UTF-8")
    try:
        return line.decode("utf-8").removeprefix(_MARK)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{where}: row: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error

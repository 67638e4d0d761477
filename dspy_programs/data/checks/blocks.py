"""A file in blocks of whole lines, whatever its size; a line that is too long to be a row is skipped, not held."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from dspy_programs.errors import UsageError

SIZE = 1 << 18  # bytes
LONGEST = 1 << 26  # bytes of a line


class Block(NamedTuple):
    """Lines of a file. text: None for a single line that is too long. offset, end: in bytes; line: number of the first."""

    text: bytes | None
    offset: int
    end: int
    line: int


def blocks_of(path: Path, size: int = SIZE, longest: int = LONGEST) -> Iterator[Block]:
    """Yield the lines of a file in order, about `size` bytes at a time. Raises UsageError if it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            yield from _blocks_of(file, size, longest)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _blocks_of(file: IO[bytes], at_once: int, longest: int) -> Iterator[Block]:
    offset, line = 0, 1
    held: list[bytes] = []  # the beginning of a line that goes on
    size = 0
    while piece := file.read(at_once):
        cut = piece.rfind(b"\n") + 1
        if not cut:
            size += len(piece)
            held = [*held, piece] if size <= longest and (held or size == len(piece)) else []
            continue
        if size > longest:
            first = piece.find(b"\n") + 1
            yield Block(None, offset, offset + size + first, line)
            offset, line, piece, cut, size = offset + size + first, line + 1, piece[first:], cut - first, 0
        text = b"".join([*held, piece[:cut]])
        if text:
            yield Block(text, offset, offset + len(text), line)
        offset, line = offset + len(text), line + text.count(b"\n")
        held = [piece[cut:]] if piece[cut:] else []
        size = len(piece) - cut
    if size > longest:
        yield Block(None, offset, offset + size, line)
    elif held:
        yield Block(b"".join(held), offset, offset + size, line)

"""Where the last lines of a file begin."""

import os
from typing import BinaryIO

from dspy_programs.logs import Place

_BLOCK = 1_000_000
_LIKELY = 1_000  # bytes of a line, at most: so far back the last lines are looked for
_COUNTED = 2_000_000_000  # bytes of a file whose lines are counted


def place_of_last(file: BinaryIO, lines: int) -> Place:
    """Return where the last so many lines begin, with their number if counting it takes no more than a moment."""
    size = file.seek(0, os.SEEK_END)
    begin = max(0, size - lines * _LIKELY)
    file.seek(begin)
    tail = file.read(size - begin)
    at = len(tail)
    for _ in range(lines + 1):
        if (at := tail.rfind(b"\n", 0, at)) < 0:
            break
    number, left = tail.count(b"\n", 0, at + 1), begin if size <= _COUNTED else 0
    file.seek(0)
    while left > 0 and (block := file.read(min(left, _BLOCK))):
        number, left = number + block.count(b"\n"), left - len(block)
    return Place(begin + at + 1, number, inside=at < 0 < begin)

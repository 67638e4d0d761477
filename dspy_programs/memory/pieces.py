"""What each unit of a memory adds to the note that stands for it: pieces to choose from, and the lines that they make.

Input      unit: one message, or a message that calls tools with the results of its calls (units.py).
Output     pieces_of: pieces in order, each with its rank and its line. lines_of: the lines of the chosen pieces, with what is
           left out counted. stub_of: a large result in few tokens. open_requests: see open_request.py.
Guarantees a line starts with who speaks or which call it is, and text never starts a line: it cannot pose as another line
           or as the note's frame.
"""

from collections.abc import Callable, Collection, Sequence
from enum import IntEnum
from typing import NamedTuple

from dspy_programs.conversation import call_of
from dspy_programs.memory.entry import MemoryEntry, calls_as_text
from dspy_programs.programs.failure_judge import is_deed
from dspy_programs.programs.memory_summarizer import decides
from dspy_programs.text import quantity, sentences


class Rank(IntEnum):
    """What is kept first: the lower."""

    OPEN_REQUEST = 0
    DEED = 1
    DECISION = 2
    ORDINARY = 3


class Line(NamedTuple):
    """A line that pieces belong to."""

    number: int = 0
    """Among the lines of its unit."""
    head: str = ""
    """What the line starts with, if any of its pieces is chosen: "user: ", "get_user(id=7) -> "."""
    noun: str = "sentence"
    """What its pieces are, to count those left out."""
    joint: str = " "
    """What stands between two pieces."""
    beyond: int = 0
    """How many further pieces the original has that are not offered: its size is bounded."""


class Piece(NamedTuple):
    """What can be chosen for a note. text: a sentence of a message, a field of a result, a whole deed."""

    text: str
    rank: Rank
    line: Line = Line()


def pieces_of(unit: Sequence[MemoryEntry], *, open_request: bool = False) -> list[Piece]:
    """Return a unit's pieces, in order; open_request: it is a request that is still open."""
    found: list[Piece] = []
    number = 0
    for entry in unit:
        speaker = str(entry.kept("name") or entry.chat_role)
        line = Line(number, f"{speaker}: ")
        for sentence in sentences(entry.content):
            rank = Rank.OPEN_REQUEST if open_request else Rank.DECISION if decides(sentence) else Rank.ORDINARY
            found.append(Piece(" ".join(sentence.split()), rank, line))
        for call in entry.calls:
            number += 1
            name = call_of(call).name if isinstance(call, dict) else ""
            rank = Rank.DEED if is_deed(name) else Rank.ORDINARY
            found.append(Piece(" ".join(calls_as_text([call]).split()), rank, Line(number, "called: ")))
        number += 1
    return found


def lines_of(unit: Sequence[MemoryEntry], pieces: Sequence[Piece], chosen: Collection[int]) -> str:
    """Return the lines of the chosen pieces (their numbers in `pieces`); "" if none is chosen."""
    lines: dict[Line, list[str]] = {}
    left_out: dict[Line, int] = {}
    for number, piece in enumerate(pieces):
        if number in chosen:
            lines.setdefault(piece.line, []).append(piece.text)
        else:
            left_out[piece.line] = left_out.get(piece.line, 0) + 1
    return "\n".join(_written(line, texts, left_out.get(line, 0) + line.beyond) for line, texts in lines.items())


def _written(line: Line, texts: Sequence[str], left_out: int) -> str:
    more = f"{line.joint}({quantity(left_out, 'more ' + line.noun)})" if left_out else ""
    return line.head + line.joint.join(texts) + more


def stub_of(entry: MemoryEntry, room: int, count: Callable[[str], int]) -> str:
    """Return a tool's result in at most `room` tokens by `count`, with what is left out counted."""
    return entry.content if count(entry.content) <= room else ""


def open_requests(entries: Sequence[MemoryEntry]) -> set[int]:
    """Return the indexes of the user's messages that are still open."""
    return set([index for index, entry in enumerate(entries) if entry.role == "user"][-1:])

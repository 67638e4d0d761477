"""The pieces that a note is chosen from, and how the chosen ones are written.

Output     Rank, Line, Piece; joint_of: what stands between pieces. lines_of: the lines of the chosen pieces, with the fields
           and rows that are left out counted.
"""

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import NamedTuple

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.deed_lines import Deed
from dspy_programs.memory.reading.fields import Part, joined
from dspy_programs.memory.reading.note import STILL_OPEN
from dspy_programs.text import quantity


class Rank(IntEnum):
    """What is kept first: the lower."""

    OPEN_REQUEST = 0
    STANDING = 1
    DEED = 2
    REVISED = 3
    """Takes the place of what was so before: a standing order if a request from before it is still open."""
    DECISION = 4
    ORDINARY = 5


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
    """How many further pieces the original has that are not offered: there is a limit to their number."""


class Piece(NamedTuple):
    """What can be chosen for a note."""

    text: str
    """A sentence of a message, a field of a result, a whole deed."""
    rank: Rank
    line: Line = Line()
    under: str = ""
    """A label that is written once for neighbours that share it: the columns of a list's rows."""
    worth: float = 1.0
    """Among the pieces of its line."""
    deed: Deed | None = None
    """What the text tells, of a line about a call."""


def joint_of(noun: str) -> str:
    """Return what stands between two pieces that are called so."""
    return " " if noun == "sentence" else "; " if noun in ("field", "item") else " / "


def lines_of(unit: Sequence[MemoryEntry], pieces: Sequence[Piece], chosen: Collection[int]) -> str:
    """Return the lines of the chosen pieces (their numbers in `pieces`); "" if none is chosen.

    What a chosen line leaves out is counted at its end.
    """
    lines: dict[int, list[Piece]] = {}
    left_out: dict[int, int] = {}
    for number, piece in enumerate(pieces):
        place = piece.line.number
        if number in chosen:
            lines.setdefault(place, []).append(piece)
        else:
            left_out[place] = left_out.get(place, 0) + 1
    return "\n".join(_written(taken, left_out.get(place, 0)) for place, taken in lines.items())


def _written(taken: Sequence[Piece], left_out: int) -> str:
    line = taken[0].line
    left_out += line.beyond
    parts = [Part(piece.text, piece.under) for piece in taken]
    text = f"{line.head}{joined(parts, line.joint).lstrip()}"
    if not left_out or not (line.noun or line.head.endswith(STILL_OPEN)):
        return text
    return f"{text} ({quantity(left_out, f'more {line.noun}') if line.noun else f'{left_out:,} more'})"

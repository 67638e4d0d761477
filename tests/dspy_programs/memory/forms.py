"""Units of a memory for the tests of what an agent needs from them."""

import json

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.piece import Rank, lines_of
from dspy_programs.memory.reading.pieces import pieces_of


def said(role, text, **kept):
    return MemoryEntry(role=role, content=text, metadata=kept)


def called(name, given, *results):
    """A call with its results."""
    arguments = given if isinstance(given, str) else json.dumps(given)
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    texts = [result if isinstance(result, str) else json.dumps(result) for result in results]
    return [said("assistant", "", tool_calls=[call]), *(said("tool", text, tool_call_id="c1") for text in texts)]


def all_lines(unit, **how):
    pieces = pieces_of(unit, **how)
    return lines_of(unit, pieces, range(len(pieces)))


def ranked(unit, rank, **how):
    return [piece.text for piece in pieces_of(unit, **how) if piece.rank == rank]


def deeds(unit):
    return ranked(unit, Rank.DEED)

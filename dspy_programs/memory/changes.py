"""What the compressor plans before it changes anything: the task, and the changes that fulfil it."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from dspy_programs.memory.entry import MemoryEntry

Strategy = Literal["summarize", "extract_facts", "archive"]


class Task(NamedTuple):
    """What may be compressed, by unit, and how small it must become."""

    units: list[list[MemoryEntry]]
    sizes: list[int]  # tokens
    order: Callable[[], list[int]]  # of the units, the least important first, of equals the oldest; costs time, once
    room: int  # tokens that all units together may have
    count: Callable[[str], int]


class Change(NamedTuple):
    """A text, and the entries in whose place it comes. fallback: why the rules answered and not the model."""

    originals: list[MemoryEntry]
    text: str
    strategy: Strategy
    answered_by: str = "rules"
    fallback: str | None = None

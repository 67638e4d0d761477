"""The compressor's plan: the task, and the changes that fulfil it, decided before anything is changed."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from dspy_programs.memory.entry import MemoryEntry

Strategy = Literal["summarize", "extract_facts", "archive"]


class Task(NamedTuple):
    """What may be compressed, by unit, and how small it must become."""

    units: list[list[MemoryEntry]]
    sizes: list[int]  # tokens
    order: Callable[[], list[int]]  # of the units, least important first, ties by age; computed once
    room: int  # token limit for all units together
    count: Callable[[str], int]


class Change(NamedTuple):
    """A text, and the entries it replaces. fallback: why the rules answered instead of the model."""

    originals: list[MemoryEntry]
    text: str
    strategy: Strategy
    answered_by: str = "rules"
    fallback: str | None = None

"""What an engine gives: a text, and the entries that it can stand for."""

from typing import Literal, NamedTuple

from dspy_programs.memory.entry import MemoryEntry

Strategy = Literal["summarize", "extract_facts", "archive"]


class Change(NamedTuple):
    """A text, and the entries it replaces. fallback: why the rules answered instead of the model."""

    originals: list[MemoryEntry]
    text: str
    strategy: Strategy
    answered_by: str = "rules"
    fallback: str | None = None

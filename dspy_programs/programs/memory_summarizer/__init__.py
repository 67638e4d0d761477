"""From a long conversation to a short memory."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.memory_summarizer.extractive_summary import (
        Clause as Clause,
        condensed as condensed,
        decides as decides,
        most_telling as most_telling,
        read as read,
    )
    from dspy_programs.programs.memory_summarizer.memory_summarizer import (
        CHARACTERS as CHARACTERS,
        Fact as Fact,
        Item as Item,
        MemorySummarizer as MemorySummarizer,
        MemorySummarizerResult as MemorySummarizerResult,
        rendered as rendered,
    )

_HOMES = {
    "Clause": "extractive_summary",
    "condensed": "extractive_summary",
    "decides": "extractive_summary",
    "most_telling": "extractive_summary",
    "read": "extractive_summary",
    "CHARACTERS": "memory_summarizer",
    "Fact": "memory_summarizer",
    "Item": "memory_summarizer",
    "MemorySummarizer": "memory_summarizer",
    "MemorySummarizerResult": "memory_summarizer",
    "rendered": "memory_summarizer",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""Scores how important each memory entry is: the least important is compressed first.

Two published formulas, by ScoringConfig.formula:
    "turns"  0.4 recency + 0.4 type + 0.2 keyword, in [0, 1]. Recency is 1.0 for the last five turns, then 0.15 less per turn;
             the type is what is said (a decision or a fact 0.9) or who says it; keyword is 1 if a keyword occurs.
    "age"    exp(-ln 2 * age / half-life) * weight of the role * (1 + the boosts of the keywords that occur); age in seconds
             of the entry's timestamp, never below 0, so a fast clock makes nothing more important than new.

Input      keywords: word -> boost (only "age" uses its size); goal: a sentence that entries are compared with by meaning;
           the similarity then counts like the keyword share (needs the extra `embed`).
Output     score_store(store) -> [(entry, score)], highest first; scores(entries, ...) in the order of the entries.
Guarantees recency follows the turn numbers if they differ, else the order of the entries.
Raises     MissingExtra if a goal is given and wordllama is not installed; UsageError for a half-life that is not above 0.
Source     both formulas as published for the Agent Memory Compressor: its code, and the table next to it.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dspy_programs.errors import UsageError
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.cues import says_something_exact
from dspy_programs.memory.store import MemoryStore
from dspy_programs.programs.memory_summarizer import decides

_ROLE_WEIGHTS = {"system": 2.0, "user": 1.5, "assistant": 1.0, "tool": 0.8, "compressed": 0.5}
_TYPE_SCORES = {"decision": 0.9, "fact": 0.9, "assistant": 0.6, "user": 0.5, "tool": 0.4, "compressed": 0.9, "system": 1.0}
RECENCY_SHARE, TYPE_SHARE, KEYWORD_SHARE = 0.4, 0.4, 0.2
FRESH_TURNS, LOST_A_TURN = 5, 0.15


@dataclass(frozen=True)
class ScoringConfig:
    """Which formula, and what it goes by."""

    formula: Literal["turns", "age"] = "turns"
    """"turns" returns scores in [0, 1], "age" scores of 0 or more."""
    decay_half_life: float = 3600.0
    """Seconds after which an entry counts half, in the formula "age"."""
    type_weights: Mapping[str, float] = field(default_factory=lambda: _ROLE_WEIGHTS)
    """Role -> weight, in the formula "age"."""
    boost_keywords: Mapping[str, float] = field(default_factory=dict)
    """Word -> what it adds, in the formula "age"; in "turns", only whether one occurs counts."""
    case_sensitive: bool = False
    goal: str = ""
    """The agent's goal; entries with a similar meaning count more."""


class ImportanceScorer:
    """Scores entries by one formula."""

    def __init__(self, config: ScoringConfig | None = None) -> None:
        """Set the formula.

        Args:
            config: By default "turns", without keywords or a goal.

        Raises:
            UsageError: The half-life is not above 0.
        """
        self.config = config or ScoringConfig()
        self.reference_time: float | None = None
        if not self.config.decay_half_life > 0:
            raise UsageError(f"decay_half_life is {self.config.decay_half_life}; give seconds above 0")
        fold = str if self.config.case_sensitive else str.lower
        self._keywords = {fold(word): boost for word, boost in self.config.boost_keywords.items() if word}

    def set_reference_time(self, timestamp: float) -> None:
        """Set "now", in seconds since 1970, for the formula "age"."""
        self.reference_time = timestamp

    def scores(self, entries: Sequence[MemoryEntry]) -> list[float]:
        """Return the score of each entry among these."""
        alike = self._alike(entries)
        if self.config.formula == "age":
            now = time.time() if self.reference_time is None else self.reference_time
            return [self._by_age(entry, now, like) for entry, like in zip(entries, alike, strict=True)]
        turns = _turns_of(entries)
        last = max(turns, default=0)
        return [self._by_turn(entry, last - turn, like) for entry, turn, like in zip(entries, turns, alike, strict=True)]

    def score_entry(self, entry: MemoryEntry, last_turn: int | None = None) -> float:
        """Return the score of one entry; last_turn: the session's latest turn, by default the entry's own."""
        if self.config.formula == "age":
            return self.scores([entry])[0]
        return self._by_turn(entry, (entry.turn_number if last_turn is None else last_turn) - entry.turn_number, 0.0)

    def score_store(self, store: MemoryStore) -> list[tuple[MemoryEntry, float]]:
        """Return the entries with their scores, the highest first."""
        entries = store.entries
        return sorted(zip(entries, self.scores(entries), strict=True), key=lambda pair: -pair[1])

    def _boost(self, entry: MemoryEntry) -> float:
        if not self._keywords:
            return 0.0
        text = entry.text if self.config.case_sensitive else entry.text.lower()
        return math.fsum(boost for word, boost in self._keywords.items() if word in text)

    def _by_age(self, entry: MemoryEntry, now: float, like: float) -> float:
        recency = 0.5 ** (max(0.0, now - entry.timestamp) / self.config.decay_half_life)
        return recency * self.config.type_weights.get(entry.role, 1.0) * (1 + self._boost(entry) + like)

    def _by_turn(self, entry: MemoryEntry, turns_ago: int, like: float) -> float:
        recency = min(1.0, max(0.0, 1.0 - LOST_A_TURN * (turns_ago - FRESH_TURNS + 1)))
        keyword = 1.0 if self._boost(entry) else like
        return RECENCY_SHARE * recency + TYPE_SHARE * _TYPE_SCORES[_type_of(entry)] + KEYWORD_SHARE * keyword

    def _alike(self, entries: Sequence[MemoryEntry]) -> list[float]:
        if not self.config.goal:
            return [0.0] * len(entries)
        from dspy_programs.embedding import embed_texts

        vectors = embed_texts([self.config.goal, *(entry.text for entry in entries)])
        return [max(0.0, float(value)) for value in vectors[1:] @ vectors[0]]


def _turns_of(entries: Sequence[MemoryEntry]) -> list[int]:
    """Return the turn of each entry: its number, or its position if the numbers are all the same."""
    turns = [entry.turn_number for entry in entries]
    return turns if len(set(turns)) > 1 else list(range(len(entries)))


def _type_of(entry: MemoryEntry) -> str:
    """Return "decision" or "fact" if the content is one (or the metadata says so), else the role."""
    named = entry.metadata.get("type")
    if named in ("decision", "fact"):
        return str(named)
    if entry.role in ("user", "assistant"):
        if decides(entry.content):
            return "decision"
        if says_something_exact(entry.content):
            return "fact"
    return entry.role

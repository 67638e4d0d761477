"""A memory in a few figures: entries, tokens, turns, roles, and the entries that matter most."""

from collections import Counter
from typing import Any

from dspy_programs.memory.importance import ImportanceScorer
from dspy_programs.memory.store import MemoryStore

_SHOWN = 5  # entries


def overview(store: MemoryStore) -> dict[str, Any]:
    """Return the figures by name; "top" has the most important entries, each as {score, turn, role, preview}."""
    turns = [entry.turn_number for entry in store]
    top = ImportanceScorer().score_store(store)[:_SHOWN]
    return {
        "total_entries": len(store),
        "total_tokens": store.token_total(),
        "token_counter": store.counter.name,
        "exact": store.counter.exact,
        "oldest_turn": min(turns, default=0),
        "newest_turn": max(turns, default=0),
        "roles": dict(sorted(Counter(entry.role for entry in store).items())),
        "restorable": sum(len(entry.compression_history) for entry in store if entry.role == "compressed"),
        "top": [
            {"score": round(score, 3), "turn": entry.turn_number, "role": entry.role, "preview": _preview(entry.text)}
            for entry, score in top
        ],
    }


def _preview(text: str) -> str:
    """Return the start of a text on one line, without terminal control characters."""
    line = "".join(c if c.isprintable() else " " for c in text[:200])
    return line if len(line) <= 70 else f"{line[:67]}..."

"""The originals of a compressed entry: how its history records them, and how to restore them.

Output     record_of(entry, position, strategy, at): one record; records_of(...): the records of an entry that may already
           be compressed; restore(store): a new store with every original, in the order in which they were added;
           continued(store, sent, now): a store with what was said since its messages were sent.
Guarantees restore returns each original exactly, character for character, even after several rounds of compression; a
           record is made once and passed on by later rounds.
Raises     UsageError for an entry with a damaged history, saying what is wrong.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from dspy_programs.errors import UsageError
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.store import MemoryStore

Record = dict[str, Any]
_NOT_HERE = {"content", "metadata"}  # fields of an original that a record stores separately


def _record_of(entry: MemoryEntry, position: int, strategy: str, at: float) -> Record:
    original = {name: value for name, value in vars(entry).items() if name not in _NOT_HERE and value not in (None, [])}
    return {
        "strategy": strategy,
        "original_content": entry.content,
        "timestamp": at,
        "metadata": entry.metadata,
        "original": original,
        "position": position,
    }


def records_of(entry: MemoryEntry, position: int, strategy: str, at: float) -> list[Record]:
    if not entry.compression_history:
        return [_record_of(entry, position, strategy, at)]
    records = [record for record in entry.compression_history if type(record.get("position")) is int]
    return records or [_record_of(_written_elsewhere(entry), position, strategy, at)]


def _written_elsewhere(entry: MemoryEntry) -> MemoryEntry:
    """Return the original of an entry from a file of this form without positions: its first record has it."""
    first = entry.compression_history[0]
    role = entry.metadata.get("original_role", "assistant")
    return original_of({**first, "original": {**dict(entry), "role": role, "compression_history": []}})


def original_of(record: Record) -> MemoryEntry:
    try:
        fields = {**record["original"], "content": record.get("original_content"), "metadata": record.get("metadata") or {}}
        return MemoryEntry.model_validate(fields)
    except (KeyError, TypeError, ValidationError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else repr(error)
        raise UsageError(f"the history of a compressed entry is damaged ({what}); restore the file from a backup") from error


def restore(store: MemoryStore) -> MemoryStore:
    """Return a new store with every original, in the order in which they were added.

    Args:
        store: A memory, compressed or not.

    Returns:
        A store of its own; the one given is not changed.

    Raises:
        UsageError: The history of an entry is damaged.
    """
    found: list[tuple[int, MemoryEntry]] = []
    for entry in store:
        if entry.compression_history:
            records = records_of(entry, store.position(entry), "", 0.0)
            found += [(record["position"], original_of(record)) for record in records]
        else:
            found.append((store.position(entry), entry))
    restored = MemoryStore(store.encoding_name, store.counter)
    restored.add_entries(entry for _, entry in sorted(found, key=lambda pair: pair[0]))
    return restored


def continued(store: MemoryStore, sent: Sequence[MemoryEntry], now: Sequence[MemoryEntry]) -> MemoryStore | None:
    """Return a store with the messages that came after those it was sent as; None if a message it was sent as is not there.

    Args:
        store: The memory, with its originals.
        sent: Its entries as they read in the messages that were written from it.
        now: The entries of those messages as they are now: the same, and any number after them.
    """
    if [_as_read(entry) for entry in sent] != [_as_read(entry) for entry in now[: len(sent)]]:
        return None
    longer = MemoryStore(store.encoding_name, store.counter)
    for entry in store:
        longer.add_entry(entry, store.position(entry))
    shift = store.last_turn - max((entry.turn_number for entry in sent), default=0)
    for entry in now[len(sent) :]:
        longer.add_entry(entry.model_copy(update={"turn_number": max(0, entry.turn_number + shift)}))
    return longer


def _as_read(entry: MemoryEntry) -> tuple[str, str, list[str], str | None]:
    return entry.role, entry.content, entry.call_ids, entry.answers

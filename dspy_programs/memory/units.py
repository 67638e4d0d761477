"""Which entries must stay together, and which must stay unchanged.

Output     units(entries): the indexes of the entries, grouped: a message that calls tools together with the results of its
           calls; any other entry alone. In order of their first entry.
           protected(entries, units, recent): the indexes kept verbatim: system prompts, the last `recent` entries, calls
           waiting for a result, and everything in the same unit as one of these.
Guarantees each index is in exactly one unit. A reused id belongs to the latest call with it.
"""

from collections.abc import Sequence

from dspy_programs.memory.entry import MemoryEntry

_Unit = list[int]


def units(entries: Sequence[MemoryEntry]) -> list[_Unit]:
    found: list[_Unit] = []
    calls: dict[str, _Unit] = {}
    latest: _Unit | None = None  # unit of the message just before, if that called tools
    for index, entry in enumerate(entries):
        unit = None
        if entry.role == "tool":
            unit = calls.get(entry.answers) if entry.answers is not None else latest
        if unit is not None:
            unit.append(index)
            continue
        unit = [index]
        found.append(unit)
        calls.update(dict.fromkeys(entry.call_ids, unit))
        latest = unit if entry.calls else None
    return found


def protected(entries: Sequence[MemoryEntry], grouped: Sequence[_Unit], recent: int) -> set[int]:
    kept = set(range(max(0, len(entries) - recent), len(entries)))
    kept |= {index for index, entry in enumerate(entries) if entry.role == "system"}
    kept |= waiting(entries)
    return {index for unit in grouped if not kept.isdisjoint(unit) for index in unit}


def waiting(entries: Sequence[MemoryEntry]) -> set[int]:
    """Return the index of the last message if it calls tools, only results follow, and one is still missing."""
    last = len(entries) - 1
    answered = set()
    while last >= 0 and entries[last].role == "tool":
        answered.add(entries[last].answers)
        last -= 1
    return {last} if last >= 0 and set(entries[last].call_ids) - answered else set()

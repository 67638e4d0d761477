"""What each trace of a batch counts as, kept in 16 bytes a trace, so that a later batch is compared trace by trace.

Output     Verdicts: for each mode, 32 hexadecimal digits a trace: a digest of its id, then one of its goal. Pairs: how many
           traces counted as which mode before, and as which now.
Guarantees traces are paired by id; if those are fresh in each run, by goal; and only by what occurs once in either batch.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

from dspy_programs.types import FailureMode

_HALF = 8  # bytes of a digest
_ENTRY = 2 * _HALF  # bytes a trace
_NAMELESS = bytes(_HALF)
_KEYS = {"trace id": slice(0, _HALF), "goal": slice(_HALF, _ENTRY)}

Verdicts = Mapping[FailureMode, str]
Known = Mapping[str, Mapping[bytes, FailureMode]]  # "trace id" or "goal" -> digest -> mode


class Pairs(NamedTuple):
    """Traces found in two batches. by: "trace id" or "goal"; counts: (mode before, mode now) -> number of traces."""

    by: str
    counts: Mapping[tuple[FailureMode, FailureMode], int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def entry_of(trace_id: str, goal: str) -> bytes:
    """Return the digests of a trace's id and goal; of an empty one, zeros."""
    return _digest(trace_id) + _digest(goal)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_HALF).digest() if text else _NAMELESS


def size_of(verdicts: Verdicts) -> int:
    """Return the number of traces. Raises ValueError if a text is no list of entries."""
    sizes = [len(bytes.fromhex(text)) for text in verdicts.values()]
    if any(size % _ENTRY for size in sizes):
        raise ValueError(f"not {2 * _ENTRY} hexadecimal digits a trace")
    return sum(sizes) // _ENTRY


def known_of(verdicts: Verdicts) -> Known:
    """Index a batch by id and by goal; what is empty or occurs twice is left out."""
    return {by: _by_key(verdicts, key) for by, key in _KEYS.items()}


def _by_key(verdicts: Verdicts, key: slice) -> Mapping[bytes, FailureMode]:
    found: dict[bytes, FailureMode] = {}
    left_out = {_NAMELESS}
    for entry, mode in _entries(verdicts):
        if entry[key] in found:
            left_out.add(entry[key])
        found[entry[key]] = mode
    for each in left_out:
        found.pop(each, None)
    return found


def _entries(verdicts: Verdicts) -> Iterator[tuple[bytes, FailureMode]]:
    for mode, text in verdicts.items():
        packed = bytes.fromhex(text)
        for start in range(0, len(packed), _ENTRY):
            yield packed[start : start + _ENTRY], mode


def mode_in(known: Known, by: str, entry: bytes) -> FailureMode | None:
    """Return what a trace's partner counts as; None if it has none."""
    return known[by].get(entry[_KEYS[by]])


def pairs_of(before: Known, now: Known, smaller: int) -> Pairs | None:
    """Pair two batches. smaller: the size of the smaller one; None unless at least half of it has a partner."""
    for by in _KEYS:
        counts = Counter((before[by][key], mode) for key, mode in now[by].items() if key in before[by])
        if counts and 2 * counts.total() >= smaller:
            return Pairs(by, counts)
    return None

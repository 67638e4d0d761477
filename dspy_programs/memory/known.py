"""Everything that is known of a memory: each message in its original form, also if a note or a stub stands for it now.

Every compression begins from here, so that what is kept is always chosen among all that was ever said.

Input      a MemoryStore, compressed or not.
Output     known_of(store): its Known, the same at every call; originals(): in the order of adding, each with its place in the
           session and, if it is compressed, the record that has it; pieces(unit): see pieces.py.
Guarantees what is unchanged since the last call is not read again; nothing is kept alive longer than its store.
Raises     UsageError for a damaged history.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple
from weakref import WeakKeyDictionary

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.originals import Record, original_of, records_of
from dspy_programs.memory.reading.piece import Piece
from dspy_programs.memory.reading.pieces import pieces_of
from dspy_programs.memory.reading.salience import stated_in
from dspy_programs.memory.store import MemoryStore

_REMEMBERED = 20_000  # texts whose tokens are known
_COUNTED_ANEW = 1_000  # characters


class Original(NamedTuple):
    entry: MemoryEntry
    position: int
    """Among all entries ever added."""
    record: Record | None = None
    """The history's, if the entry is compressed."""


class Known:
    """A store's originals and their pieces, read once."""

    def __init__(self) -> None:
        self._behind: dict[str, tuple[MemoryEntry, list[Original]]] = {}
        self._pieces: dict[str, tuple[list[MemoryEntry], list[Piece]]] = {}
        self._stated: dict[str, tuple[MemoryEntry, set[str]]] = {}
        self._sizes: dict[str, tuple[MemoryEntry, int]] = {}
        self._passed_over: set[str] = set()
        self._passed_at = 0
        self._tokens: dict[str, int] = {}

    def originals(self, store: MemoryStore) -> list[Original]:
        found: list[Original] = []
        behind = {}
        for entry in store:
            if entry.compression_history:
                behind[entry.id] = self._behind_of(entry, store.position(entry))
                found += behind[entry.id][1]
            else:
                found.append(Original(entry, store.position(entry)))
        self._behind = behind
        found.sort(key=attrgetter("position"))
        return found

    def _behind_of(self, entry: MemoryEntry, position: int) -> tuple[MemoryEntry, list[Original]]:
        known = self._behind.get(entry.id)
        if known is not None and known[0] is entry:
            return known
        records = records_of(entry, position, "", 0.0)
        return entry, [Original(original_of(record), record["position"], record) for record in records]

    def stands_for(self, entry: MemoryEntry, originals: list[Original]) -> None:
        """Note what a new entry stands for, so that its history is not read again."""
        self._behind[entry.id] = (entry, originals)

    def pieces(self, unit: Sequence[MemoryEntry], open_request: bool) -> list[Piece]:
        if open_request:
            return pieces_of(unit, open_request=True)
        known = self._pieces.get(unit[0].id)
        if known is None or len(known[0]) != len(unit) or any(a is not b for a, b in zip(known[0], unit, strict=True)):
            known = self._pieces[unit[0].id] = list(unit), pieces_of(unit)
        return known[1]

    def stated(self, entry: MemoryEntry) -> set[str]:
        """Return what an entry states, as salience.stated_in does."""
        known = self._stated.get(entry.id)
        if known is None or known[0] is not entry:
            known = self._stated[entry.id] = entry, stated_in(entry.text)
        return known[1]

    def size(self, entry: MemoryEntry, count: Callable[[MemoryEntry], int]) -> int:
        """Return the tokens of an original that is compressed; they are counted once."""
        known = self._sizes.get(entry.id)
        if known is None or known[0] is not entry:
            known = self._sizes[entry.id] = entry, count(entry)
        return known[1]

    def passes_over(self, first: MemoryEntry, tokens: int) -> bool:
        """Return whether the unit that begins with an entry had too little worth for a note of as many tokens."""
        return tokens <= self._passed_at and first.id in self._passed_over

    def pass_over(self, ids: set[str], tokens: int) -> None:
        """Note which units, by the id of their first entry, have too little worth for a note of so many tokens."""
        self._passed_over = ids if tokens > self._passed_at else self._passed_over | ids
        self._passed_at = max(tokens, self._passed_at)
        for id_ in ids:
            self._pieces.pop(id_, None)

    def count(self, store: MemoryStore) -> Callable[[str], int]:
        """Return the store's count of a text's tokens, which counts a short text once."""
        counted, count = self._tokens, store.count_tokens

        def counted_once(text: str) -> int:
            if len(text) > _COUNTED_ANEW:
                return count(text)
            tokens = counted.get(text)
            if tokens is None:
                if len(counted) >= _REMEMBERED:
                    counted.clear()
                tokens = counted[text] = count(text)
            return tokens

        return counted_once


_KNOWN: WeakKeyDictionary[MemoryStore, Known] = WeakKeyDictionary()


def known_of(store: MemoryStore) -> Known:
    return _KNOWN.setdefault(store, Known())

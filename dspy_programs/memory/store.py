"""The memory of one session: entries in order, tokens counted once per entry, constant-time lookup by id.

Input      encoding_name: a tiktoken vocabulary, used if its file is on this machine (else an estimate that errs on the high
           side); or counter: a model's token counter, from tokens.counter_for or counter_named.
Output     token_total(): int, the tokens of a request with chat_messages(store): of each entry as it is sent, of what completes
           them for a chat API (a user's beginning, a result that is missing), and of the request's opening; 0 for an empty one.
Guarantees entries keep the order of adding; an entry is counted once; adding, finding, updating and removing by id take
           constant time; no network access.
Raises     UsageError for a duplicate id; pydantic.ValidationError for an invalid entry.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from dspy_programs.errors import UsageError
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.note import is_ours
from dspy_programs.memory.sending.drafts import drafts_of
from dspy_programs.memory.sending.sent import beside_tokens, entry_tokens, opening
from dspy_programs.tokens import APPROXIMATE, TokenCounter, with_vocabulary

ENCODING = "cl100k_base"


def as_note(entry: MemoryEntry) -> MemoryEntry:
    """Return the entry that opens a conversation as a note of an earlier round, if it is one that this process wrote.

    Any other text that reads like one is its user's words: a call that they claim is no deed.
    """
    is_plain = entry.role == "user" and is_ours(entry.content) and not any(draft.media for draft in drafts_of(entry))
    return entry.model_copy(update={"role": "compressed"}) if is_plain else entry


class MemoryStore:
    """Entries in order, by id, with their tokens."""

    def __init__(self, encoding_name: str = ENCODING, counter: TokenCounter | None = None) -> None:
        """Make an empty memory.

        Args:
            encoding_name: A tiktoken vocabulary, used if its file is on this machine; otherwise an estimate.
            counter: The tokens of a model, in place of that.
        """
        self.encoding_name = encoding_name
        self.counter = counter or with_vocabulary(encoding_name, exact=False) or APPROXIMATE
        self._entries: dict[str, MemoryEntry] = {}
        self._tokens: dict[str, int] = {}
        self._positions: dict[str, int] = {}  # of each entry among all ever added, for restoring
        self._total = self._next = self.last_turn = 0
        self._opened = False  # whether anybody has spoken
        self._beside: int | None = 0  # tokens besides those of the entries; None if they are to be counted

    @property
    def entries(self) -> list[MemoryEntry]:
        """The entries in order; a copy, so that changing the list changes no count."""
        return list(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[MemoryEntry]:
        return iter(self.entries)

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self._entries

    @property
    def ever_added(self) -> int:
        return self._next

    def token_total(self) -> int:
        if self._beside is None:
            self._beside = beside_tokens(self._entries.values(), self.counter)
        return self._total + self._beside

    @property
    def opening(self) -> int:
        """The tokens that a request has once, besides those of its messages."""
        return opening(self.counter)

    def count_tokens(self, text: str) -> int:
        """Count a bare text: no frame of a message."""
        return self.counter.count(text)

    def entry_tokens(self, entry: MemoryEntry) -> int:
        """Return what is sent for an entry: looked up if it is stored here unchanged, else counted."""
        return self._tokens[entry.id] if self._entries.get(entry.id) is entry else entry_tokens(entry, self.counter)

    def position(self, entry: MemoryEntry) -> int:
        return self._positions[entry.id]

    def get_entry(self, entry_id: str) -> MemoryEntry | None:
        return self._entries.get(entry_id)

    def get_recent(self, n: int) -> list[MemoryEntry]:
        """Return the last n entries in order; [] for n <= 0."""
        return list(islice(reversed(self._entries.values()), max(0, n)))[::-1]

    def add_entry(self, entry: MemoryEntry, position: int | None = None) -> None:
        """Append an entry; position: its place in the whole session, if entries before it are already compressed."""
        if entry.id in self._entries:
            raise UsageError(f"the memory already has an entry {entry.id!r}; give each its own id, or update that one")
        if entry.role != "system" and not self._opened:
            entry, self._opened = as_note(entry), True
        self._tokens[entry.id] = entry_tokens(entry, self.counter)
        self._entries[entry.id] = entry
        self._positions[entry.id] = position = self._next if position is None else position
        self._total += self._tokens[entry.id]
        self._beside = None
        self._next = max(self._next, position + 1)
        self.last_turn = max(self.last_turn, entry.turn_number)

    def add_entries(self, entries: Iterable[MemoryEntry]) -> None:
        for entry in entries:
            self.add_entry(entry)

    def add(self, role: str, content: str, **fields: Any) -> MemoryEntry:
        """Append a message, as the next turn unless `turn_number` is given; return the entry."""
        fields.setdefault("turn_number", self.last_turn + 1)
        entry = MemoryEntry.model_validate({"role": role, "content": content, **fields})
        self.add_entry(entry)
        return self._entries[entry.id]

    def remove_entry(self, entry_id: str) -> bool:
        if entry_id not in self._entries:
            return False
        del self._entries[entry_id], self._positions[entry_id]
        self._total -= self._tokens.pop(entry_id)
        self._beside = None
        return True

    def update_entry(self, entry_id: str, **updates: Any) -> MemoryEntry | None:
        """Replace fields of an entry in place, validated again; the id stays. Return the new entry, None if there is none."""
        if entry_id not in self._entries:
            return None
        new = MemoryEntry.model_validate({**dict(self._entries[entry_id]), **updates, "id": entry_id})
        self._total -= self._tokens[entry_id]
        self._tokens[entry_id] = entry_tokens(new, self.counter)
        self._total += self._tokens[entry_id]
        self._entries[entry_id] = new
        self._beside = None
        self.last_turn = max(self.last_turn, new.turn_number)
        return new

    def rearrange(self, entries: Sequence[tuple[MemoryEntry, int]]) -> None:
        """Replace all entries, each with its position, in one step, after all are counted."""
        tokens = {entry.id: self.entry_tokens(entry) for entry, _ in entries}
        self._entries = {entry.id: entry for entry, _ in entries}
        self._positions = {entry.id: position for entry, position in entries}
        self._tokens, self._total, self._beside = tokens, sum(tokens.values()), None

    def clear(self) -> None:
        self._entries, self._tokens, self._positions = {}, {}, {}
        self._total = self._next = self.last_turn = self._beside = 0
        self._opened = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "encoding_name": self.encoding_name,
            "total_entries": len(self),
            "total_tokens": self.token_total(),
            "entries": [entry.model_dump() for entry in self.entries],
        }

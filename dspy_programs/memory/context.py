"""Build a prompt's context from a memory, within a token limit.

Input      a MemoryStore; ContextConfig; system_message: put first.
Output     build_context(...) -> str; build_messages(...) -> messages that the strictest chat API accepts (see chat.py), calls
           together with their results; get_context_stats(...); verify_recent_protected(...) -> bool.
Guarantees by the store's counter, at most max_tokens: of the whole string, or of all messages as they are sent. System prompts
           and the last protected_recent entries are always included. Of the rest, the newest that fit come first: one that is
           too large is left out, not all before it. Notes that stand for compressed entries get up to NOTES of the room, no
           more than they have, and are cut to fit, if needed. Room that is left goes to older entries. The order is the
           store's.
Raises     UsageError if the parts that are always included exceed max_tokens, or the template is invalid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

from dspy_programs.errors import UsageError
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.sending.chat import chat_messages
from dspy_programs.memory.sending.sent import sent_tokens
from dspy_programs.memory.store import MemoryStore
from dspy_programs.memory.strategies import extract
from dspy_programs.memory.units import protected, units

_ROUNDS = 3
_ENDLESS = 10**15  # tokens: no room is larger
NOTES = 0.4  # share of the room that notes may take from newer messages


@dataclass(frozen=True)
class ContextConfig:
    """How large a context may be, and how it is written."""

    max_tokens: int = 4000
    """Tokens of the whole, as the store counts them."""
    protected_recent: int = 3
    """How many of the last entries are always in."""
    system_message_reserve: int = 0
    """Tokens left free for a system message that you add yourself. One that is given here has the room that it needs."""
    format_template: str = "{role}: {content}"
    separator: str = "\n\n"


class ContextStats(TypedDict):
    """What a context includes from a store. Tokens are by the store's counter; the rest are numbers of entries."""

    total_tokens: int
    max_tokens: int
    entries_included: int
    protected_entries: int
    older_entries_included: int
    entries_excluded: int
    has_system_message: bool


class ContextBuilder:
    """Builds contexts of one size."""

    def __init__(self, config: ContextConfig | None = None) -> None:
        """Set the size and the form.

        Args:
            config: By default 4,000 tokens, with the last 3 entries always in.

        Raises:
            UsageError: `protected_recent` is below 0, or `format_template` is none.
        """
        self.config = config or ContextConfig()
        if self.config.protected_recent < 0:
            raise UsageError(f"protected_recent is {self.config.protected_recent}; give 0 or more entries")
        try:
            self.config.format_template.format(role="", content="")
        except (LookupError, ValueError, AttributeError) as error:
            raise UsageError(f"format_template: {error!r}; use {{role}} and {{content}}") from error

    def build_context(self, store: MemoryStore, system_message: str | None = None) -> str:
        """Return the context as one text."""
        return self._joined(self._chosen(store, system_message, self._as_text(store)), system_message)

    def build_messages(self, store: MemoryStore, system_message: str | None = None) -> list[dict[str, Any]]:
        """Return the context as chat messages."""
        return _as_messages(self._chosen(store, system_message, _sent(store)), system_message)

    def get_context_stats(self, store: MemoryStore, system_message: str | None = None) -> ContextStats:
        """Return what build_context includes from the store, and its tokens."""
        chosen = self._chosen(store, system_message, self._as_text(store))
        kept = protected(store.entries, units(store.entries), self.config.protected_recent)
        return {
            "total_tokens": store.count_tokens(self._joined(chosen, system_message)),
            "max_tokens": self.config.max_tokens,
            "entries_included": len(chosen),
            "protected_entries": len(kept),
            "older_entries_included": len(chosen) - len(kept),
            "entries_excluded": len(store) - len(chosen),
            "has_system_message": bool(system_message),
        }

    def verify_recent_protected(self, store: MemoryStore, context: str) -> bool:
        """Return whether the latest entries are in a context verbatim."""
        return all(self._formatted(entry) in context for entry in store.get_recent(self.config.protected_recent))

    def _formatted(self, entry: MemoryEntry) -> str:
        return self.config.format_template.format(role=entry.chat_role, content=entry.text)

    def _joined(self, entries: Sequence[MemoryEntry], system_message: str | None) -> str:
        head = [self.config.format_template.format(role="system", content=system_message)] if system_message else []
        return self.config.separator.join([*head, *map(self._formatted, entries)])

    def _as_text(self, store: MemoryStore) -> "_Measure":
        gap = store.count_tokens(self.config.separator) + 1
        return _Measure(
            whole=lambda entries, system: store.count_tokens(self._joined(entries, system)),
            part=lambda entries: store.count_tokens(self._joined(entries, None)) + gap,
        )

    def _chosen(self, store: MemoryStore, system_message: str | None, measure: "_Measure") -> list[MemoryEntry]:
        """Return the entries to include, in order."""
        entries = store.entries
        grouped = units(entries)
        kept = protected(entries, grouped, self.config.protected_recent)
        chosen = {index: entries[index] for index in sorted(kept)}
        filling = _Filling(entries, chosen, self._room(in_order(chosen), system_message, measure), measure)
        free = [unit for unit in reversed(grouped) if unit[0] not in kept]
        notes = [unit for unit in free if _is_note(entries, unit)]
        others = [unit for unit in free if not _is_note(entries, unit)]
        of_notes = min(sum(measure.part([entries[unit[0]]]) for unit in notes), int(NOTES * min(filling.room, _ENDLESS)))
        filling.take(others, spared=of_notes)
        for unit in notes:
            filling.take_cut(unit[0], store.count_tokens)
        for _ in range(_ROUNDS):  # parts do not add up to the whole
            filling.take(others)
            while filling.taken and (over := measure.whole(in_order(chosen), system_message) - self._limit(system_message)) > 0:
                filling.drop(over)
            filling.room = self._limit(system_message) - measure.whole(in_order(chosen), system_message)
        return in_order(chosen)

    def _limit(self, system_message: str | None) -> int:
        return self.config.max_tokens - (0 if system_message else self.config.system_message_reserve)

    def _room(self, always: list[MemoryEntry], system_message: str | None, measure: "_Measure") -> int:
        """Return the tokens left besides what is always included. Raises UsageError if that is too much."""
        config = self.config
        if (needed := measure.whole(always, system_message)) > config.max_tokens:
            raise UsageError(
                f"max_tokens is {config.max_tokens}, but the system prompts and the last {config.protected_recent} entries "
                f"alone have {needed}; allow more tokens, or protect fewer entries"
            )
        return self._limit(system_message) - needed


class _Measure(NamedTuple):
    """Tokens: of a context as a whole with its system message, and what entries add to one."""

    whole: Callable[[list[MemoryEntry], str | None], int]
    part: Callable[[Sequence[MemoryEntry]], int]


class _Filling:
    """Takes units of entries while there is room. taken: their indexes and tokens, the ones to drop first at the end."""

    def __init__(self, entries: Sequence[MemoryEntry], chosen: dict[int, MemoryEntry], room: int, measure: _Measure) -> None:
        self.entries, self.chosen, self.room, self.measure = entries, chosen, room, measure
        self.taken: list[tuple[list[int], int]] = []

    def take(self, free: Sequence[list[int]], spared: int = 0) -> None:
        """Take whole units, in order, each that fits without the tokens spared."""
        for unit in free:
            if self.room <= spared:
                return
            if unit[0] not in self.chosen:
                self._add(unit, [self.entries[index] for index in unit], spared)

    def take_cut(self, index: int, count: Callable[[str], int]) -> None:
        """Take a note, or as much of it as fits."""
        note = self.entries[index]
        if self.measure.part([note]) > self.room:
            frame = self.measure.part([note]) - count(note.content)
            note = _cut_to(note, self.room - frame, count)
        if note.content and self._add([index], [note]):
            self.taken.insert(0, self.taken.pop())

    def drop(self, tokens: int) -> None:
        """Drop units of about so many tokens, one at least."""
        while self.taken and tokens > 0:
            unit, price = self.taken.pop()
            tokens -= price
            for index in unit:
                del self.chosen[index]

    def _add(self, unit: list[int], group: list[MemoryEntry], spared: int = 0) -> bool:
        price = self.measure.part(group)
        if price > self.room - spared:
            return False
        self.chosen.update(zip(unit, group, strict=True))
        self.taken.append((unit, price))
        self.room -= price
        return True


def _is_note(entries: Sequence[MemoryEntry], unit: Sequence[int]) -> bool:
    return len(unit) == 1 and entries[unit[0]].role == "compressed"


def _sent(store: MemoryStore) -> _Measure:
    def whole(entries: list[MemoryEntry], system: str | None) -> int:
        return store.opening + sum(sent_tokens(message, store.counter) for message in _as_messages(entries, system))

    return _Measure(whole, part=lambda entries: sum(map(store.entry_tokens, entries)))


def _as_messages(entries: Sequence[MemoryEntry], system: str | None) -> list[dict[str, Any]]:
    head = [MemoryEntry(role="system", content=system)] if system else []
    return chat_messages([*head, *entries])


def in_order(chosen: dict[int, MemoryEntry]) -> list[MemoryEntry]:
    return [chosen[index] for index in sorted(chosen)]


def _cut_to(entry: MemoryEntry, room: int, count: Callable[[str], int]) -> MemoryEntry:
    """Return a note with its first line, if it is a frame, and the most salient part of its text that fits in `room` tokens."""
    first, _, rest = entry.content.partition("\n")
    head, body = (first, rest) if first.startswith("[") and first.endswith("]") else ("", entry.content)
    left = room - count(head)
    lines = extract(body, left, count) if left > 0 else []
    while lines and count("\n".join([head, *lines])) > room:  # parts do not add up to the whole
        lines.pop()
    return entry.model_copy(update={"content": "\n".join(filter(None, [head, *lines])) if lines else ""})

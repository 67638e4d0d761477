"""Build a prompt's context from a memory, within a token limit.

Input      a MemoryStore; ContextConfig; system_message: put first.
Output     build_context(...) -> str; build_messages(...) -> messages that any chat API accepts: roles system, user,
           assistant and tool, calls together with their results; get_context_stats(...); verify_recent_protected(...) -> bool.
Guarantees by the store's counter, at most max_tokens: of the whole string, or of each message plus MESSAGE_TOKENS for its
           frame. System prompts and the last protected_recent entries are always included, then compressed entries (cut to
           fit, if needed), then others, newest first. The order is the store's.
Raises     UsageError if the parts that are always included exceed max_tokens, or the template is invalid.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from dspy_programs.errors import UsageError
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.store import MemoryStore
from dspy_programs.memory.strategies import Extracts
from dspy_programs.memory.units import protected, units

_MESSAGE_TOKENS = 4  # of a message besides its content, in OpenAI's format


@dataclass(frozen=True)
class ContextConfig:
    """How large a context may be, and how it is written."""

    max_tokens: int = 4000
    """Tokens of the whole, as the store counts them."""
    protected_recent: int = 3
    """How many of the last entries are always in."""
    system_message_reserve: int = 500
    """Tokens reserved for a system message, if one is given, even if it has fewer."""
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
        chosen = self._chosen(store, system_message, self._as_messages(store))
        head = [{"role": "system", "content": system_message}] if system_message else []
        return head + as_messages(chosen)

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

    def _joined(self, entries: list[MemoryEntry], system_message: str | None) -> str:
        head = [self.config.format_template.format(role="system", content=system_message)] if system_message else []
        return self.config.separator.join([*head, *map(self._formatted, entries)])

    def _as_text(self, store: MemoryStore) -> "Measure":
        return lambda entries, system: store.count_tokens(self._joined(entries, system))

    def _as_messages(self, store: MemoryStore) -> "Measure":
        def tokens(entries: list[MemoryEntry], system: str | None) -> int:
            head = _MESSAGE_TOKENS + store.count_tokens(system) if system else 0
            return head + sum(_MESSAGE_TOKENS + _sent_tokens(store, entry) for entry in entries)

        return tokens

    def _chosen(self, store: MemoryStore, system_message: str | None, measure: "Measure") -> list[MemoryEntry]:
        """Return the entries to include, in order."""
        entries = store.entries
        grouped = units(entries)
        kept = protected(entries, grouped, self.config.protected_recent)
        chosen = {index: entries[index] for index in sorted(kept)}
        room = self._room(list(chosen.values()), system_message, measure)
        free = [unit for unit in grouped if unit[0] not in kept]
        free.sort(key=lambda unit: (entries[unit[0]].role != "compressed", -unit[0]))
        gap = store.count_tokens(self.config.separator) + 1
        for unit in free:
            group = [entries[index] for index in unit]
            price = measure(group, None) + gap
            may_be_cut = group[0].role == "compressed" and len(group) == 1
            if price > room and may_be_cut:
                group = [_cut_to(group[0], room - (price - store.entry_tokens(group[0])), store.count_tokens)]
                price = measure(group, None) + gap if group[0].content else room + 1
            if price <= room:
                chosen.update(zip(unit, group, strict=True))
                room -= price
            elif not may_be_cut:
                break  # including older, shorter ones would leave a gap
        self._fit(chosen, [unit for unit in reversed(free) if unit[0] in chosen], system_message, measure)
        return in_order(chosen)

    def _room(self, always: list[MemoryEntry], system_message: str | None, measure: "Measure") -> int:
        """Return the tokens left besides what is always included. Raises UsageError if that is too much."""
        config = self.config
        if (needed := measure(always, system_message)) > config.max_tokens:
            raise UsageError(
                f"max_tokens is {config.max_tokens}, but the system prompts and the last {config.protected_recent} entries "
                f"alone have {needed}; allow more tokens, or protect fewer entries"
            )
        reserve = config.system_message_reserve - measure([], system_message) if system_message else 0
        return config.max_tokens - needed - max(0, reserve)

    def _fit(
        self, chosen: dict[int, MemoryEntry], spare: list[list[int]], system_message: str | None, measure: "Measure"
    ) -> None:
        """Drop spare units, in order, until the whole, counted as one text, is small enough."""
        for unit in spare:
            if measure(in_order(chosen), system_message) <= self.config.max_tokens:
                break
            for index in unit:
                del chosen[index]


Measure = Callable[[list[MemoryEntry], str | None], int]


def in_order(chosen: dict[int, MemoryEntry]) -> list[MemoryEntry]:
    return [chosen[index] for index in sorted(chosen)]


def _cut_to(entry: MemoryEntry, room: int, count: Callable[[str], int]) -> MemoryEntry:
    """Return a compressed entry with the most salient part of its text that fits in `room` tokens."""
    text = Extracts([[entry]]).archive(room, count, "") if room > 0 else ""
    return entry.model_copy(update={"content": text})


def as_message(entry: MemoryEntry) -> dict[str, Any]:
    """Return an entry as a chat message, with its message's other fields besides role and content."""
    message: dict[str, Any] = {"role": entry.chat_role, "content": entry.content}
    if entry.role != "compressed":
        message.update({key: value for key in ("tool_calls", "tool_call_id", "name") if (value := entry.kept(key))})
    return message


def as_messages(entries: list[MemoryEntry]) -> list[dict[str, Any]]:
    """Return entries as chat messages; a tool result without its call, which no chat API accepts, as plain text."""
    messages: list[dict[str, Any]] = []
    asked: set[str] = set()
    for entry in entries:
        message = as_message(entry)
        if message["role"] == "tool" and entry.answers not in asked:
            message = {"role": "assistant", "content": entry.content}
        asked.update(entry.call_ids)
        messages.append(message)
    return messages


def _sent_tokens(store: MemoryStore, entry: MemoryEntry) -> int:
    """Count what is sent for an entry: its content, and its calls as JSON."""
    calls = store.count_tokens(json.dumps(entry.calls, ensure_ascii=False)) if entry.calls else 0
    return store.count_tokens(entry.content) + calls

"""The ways to bring a conversation within a budget that are compared.

Each is a Memory: `add(message)`, then `within(budget)` returns what is sent, which should have at most that many tokens by
sent.py. `within` changes the memory as the method does in use, so that a rolling memory forgets for good.

ours        dspy_programs.memory: MemoryCompressor with its defaults; if what it sends is over the budget by this count, its
            own budget is made smaller until it fits, and fewer of the latest entries are protected if they alone are larger.
last n      the system prompt and the newest messages that fit; if the newest is too large alone, its beginning.
hybrid      old tool results stubbed, the newest dialogue and calls in 70 % of the budget, in the rest extracts of older ones.
cleared     Anthropic's "clear tool results", by its description: the oldest tool results are replaced by a placeholder, the
            last three stay; then the newest messages that fit.
trim        langchain-core's trim_messages, if it is installed.
langmem     langmem's summarize_messages, if it is installed, with the hybrid's extracts in the place of a model's summary.

Not here, because without a model they keep nothing: mem0 (a model writes what is remembered) and Letta (its compaction is a
model's summary, in a program of its own).
"""

import copy
import functools
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from dspy_programs.errors import UsageError
from dspy_programs.memory import MemoryCompressor, MemoryStore, chat_messages, store_of
from tests.memory_probes.sent import Message, Messages, content_of, count, is_system, total, units

NEWEST = 0.7  # of the budget, in the hybrid
KEPT_RESULTS = 3
_TRIES, _NEAR, _CLOSE = 8, 0.88, 16


class Memory(Protocol):
    def add(self, message: Message) -> None: ...
    def sent(self) -> Messages: ...
    def within(self, budget: int) -> Messages: ...


class Ours:
    """A store of entries that the compressor changes in place."""

    def __init__(self) -> None:
        self.store, self.added = MemoryStore(), 0
        self.counted = 1.0  # of what was sent, by the store's own count

    def add(self, message: Message) -> None:
        self.added += 1
        for entry in store_of([message]).store:
            self.store.add_entry(entry.model_copy(update={"turn_number": self.added}))

    def sent(self) -> Messages:
        return chat_messages(self.store)

    def within(self, budget: int) -> Messages:
        if total(self.sent()) <= budget:
            return self.sent()
        before, best = self.store, self.store
        asked, low, high = min(budget, int(budget * self.counted * 1.05)), 0, budget
        for _ in range(_TRIES):
            self.store = copied(before)
            self._compress(asked)
            used = total(self.sent())
            if used <= budget:
                low, best = asked, self.store
                if asked == budget or used >= _NEAR * budget or high - low < _CLOSE:
                    break
                asked = (low + high) // 2
            else:
                high = asked
                asked = (low + high) // 2 if low else int(asked * budget / used * 0.98)
        self.store = best if low else self.store
        self.counted = low / budget if low else self.counted
        return self.sent()

    def _compress(self, budget: int) -> None:
        for protected in (None, 2, 1, 0):
            try:
                MemoryCompressor(budget, protected).compress(self.store)
                return
            except UsageError:
                continue


def copied(store: MemoryStore) -> MemoryStore:
    """Return a store that can change without the first one; the entries are the same, for they never change."""
    new = copy.copy(store)
    for name, value in vars(store).items():
        if isinstance(value, (dict, list, set)):
            setattr(new, name, copy.copy(value))
    return new


class Rule:
    """A method that only looks at the messages."""

    def __init__(self, rule: Callable[[Messages, int], Messages]) -> None:
        self.rule, self.messages = rule, list[Message]()

    def add(self, message: Message) -> None:
        self.messages.append(message)

    def sent(self) -> Messages:
        return self.messages

    def within(self, budget: int) -> Messages:
        if total(self.messages) > budget:
            self.messages = self.rule(self.messages, budget)
        return self.messages


def everything(messages: Messages, _budget: int) -> Messages:
    return messages


def nothing(messages: Messages, _budget: int) -> Messages:
    return [message for message in messages if is_system(message)]


def last_n(messages: Messages, budget: int) -> Messages:
    """The system prompt and the newest that fit; of the newest alone too large, its beginning."""
    kept = [message for message in messages if is_system(message)]
    rest = units([message for message in messages if not is_system(message)])
    return kept + newest(rest, budget - total(kept))


def newest(rest: Sequence[Messages], room: int) -> Messages:
    taken: list[Messages] = []
    for unit in reversed(rest):
        if total(unit) > room:
            taken += [] if taken else [shortened(unit, room)]
            break
        room -= total(unit)
        taken.append(unit)
    return [message for unit in reversed(taken) for message in unit]


def shortened(unit: Messages, room: int) -> Messages:
    """Return a unit with its longest content cut to what fits; nothing if even that is too large."""
    longest = max(range(len(unit)), key=lambda place: len(content_of(unit[place])))
    bare = [{**message, "content": ""} if place == longest else message for place, message in enumerate(unit)]
    if total(bare) + 20 > room:
        return []
    bare[longest]["content"] = beginning(content_of(unit[longest]), room - total(bare))
    return bare


def beginning(text: str, tokens: int) -> str:
    """Return as much of a text as fits, by halving."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(text[:middle]) <= tokens else (low, middle - 1)
    return text[:low]


def cleared(messages: Messages, budget: int) -> Messages:
    """Anthropic's rule: the oldest tool results first, until it fits or only the last three are left; then last n."""
    messages = list(messages)
    results = [place for place, message in enumerate(messages) if message["role"] == "tool"]
    for place in results[:-KEPT_RESULTS]:
        if total(messages) <= budget:
            break
        messages[place] = {**messages[place], "content": "[cleared to save context]"}
    return last_n(messages, budget)


def hybrid(messages: Messages, budget: int) -> Messages:
    system = [message for message in messages if is_system(message)]
    rest = [message for message in messages if not is_system(message)]
    room = max(0, budget - total(system))
    results = [place for place, message in enumerate(rest) if message["role"] == "tool"]
    old = set(results[:-1])
    stubbed = [stub(message) if place in old else message for place, message in enumerate(rest)]
    latest = newest(units(stubbed), int(room * NEWEST))
    older = rest[: len(rest) - len(latest)]
    note = extracts(older, room - total(latest))
    return system + note + latest


def stub(message: Message) -> Message:
    text = content_of(message)
    return message if len(text) < 80 else {**message, "content": f"{text[:40]}... [{len(text)} characters]"}


def extracts(older: Sequence[Message], room: int) -> Messages:
    """Return one message with the pieces of the older ones that have the most new exact words for their tokens."""
    pieces = [piece for message in older for piece in pieces_of(message)]
    seen: set[str] = set()
    worth = []
    for place, piece in enumerate(pieces):
        new = set(re.findall(r"[\w@.-]*\d[\w@.-]*|\b[A-Z][a-z]+\b", piece)) - seen
        seen |= new
        worth.append((len(new) / (count(piece) + 3), place))
    left, taken = room - 12, []
    for value, place in sorted(worth, key=lambda found: (-found[0], found[1])):
        cost = count(pieces[place]) + 1
        if value and cost <= left:
            left -= cost
            taken.append(place)
    text = "\n".join(pieces[place] for place in sorted(taken))
    return [{"role": "user", "content": f"Earlier:\n{text}"}] if taken else []


def pieces_of(message: Message) -> list[str]:
    calls = [call.get("function", call) for call in message.get("tool_calls") or []]
    found = [f"{call.get('name')}({call.get('arguments')})" for call in calls]
    for line in content_of(message).split("\n"):
        parts = re.split(r"(?<=[.!?]) |(?<=[}\]]), ", line) if len(line) > 160 else [line]
        found += [part.strip() for part in parts if part.strip()]
    return found


def trim(messages: Messages, budget: int) -> Messages:
    """langchain-core: trim_messages(strategy="last", include_system, start_on="human")."""
    from langchain_core.messages import convert_to_messages, convert_to_openai_messages, trim_messages

    kept = trim_messages(
        convert_to_messages(messages),
        max_tokens=budget,
        token_counter=openai_tokens,
        strategy="last",
        include_system=True,
        start_on="human",
        allow_partial=False,
    )
    return convert_to_openai_messages(kept)


class LangMem:
    """summarize_messages, called before each model call as its documentation does; a quarter of the room is for the summary."""

    def __init__(self) -> None:
        self.messages: Messages = []
        self.running: Any = None
        self.shown: Messages | None = None

    def add(self, message: Message) -> None:
        self.messages.append({**message, "id": str(len(self.messages))})
        self.shown = None

    def sent(self) -> Messages:
        return self.messages if self.shown is None else self.shown

    def within(self, budget: int) -> Messages:
        from langchain_core.messages import AIMessage, convert_to_messages, convert_to_openai_messages
        from langmem.short_term import summarize_messages

        system = total([message for message in self.messages if is_system(message)])
        room = max(60, (budget - system) // 4)

        class Extractive:
            def invoke(self, prompt: Sequence[Any], *_: Any, **__: Any) -> Any:
                found = extracts(convert_to_openai_messages(list(prompt)), room)
                return AIMessage("\n".join(map(content_of, found)))

        result = summarize_messages(
            convert_to_messages(self.messages),
            running_summary=self.running,
            model=Extractive(),  # type: ignore[arg-type]
            max_tokens=budget,
            max_summary_tokens=room,
            token_counter=openai_tokens,
        )
        self.running = result.running_summary
        self.shown = last_n(convert_to_openai_messages(result.messages), budget)
        return self.shown


def openai_tokens(given: Sequence[Any]) -> int:
    from langchain_core.messages import convert_to_openai_messages

    return total(convert_to_openai_messages(list(given)))


def methods() -> Mapping[str, Callable[[], Memory]]:
    """Return the methods that can run here, by name."""
    found: dict[str, Callable[[], Memory]] = {"ours": Ours}
    rules = {"last n": last_n, "hybrid": hybrid, "cleared": cleared}
    if importlib.util.find_spec("langchain_core"):
        rules["trim"] = trim
    found |= {name: functools.partial(Rule, rule) for name, rule in rules.items()}
    return found | ({"langmem": LangMem} if importlib.util.find_spec("langmem") else {})

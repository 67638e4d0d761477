"""What the servers ask the memory: a conversation made smaller, or a part of it for one prompt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, JsonValue

from dspy_programs.lm import running_on
from dspy_programs.memory import CompressionReport, ContextBuilder, ContextConfig, MemoryCompressor, messages_of, store_of
from dspy_programs.model_in_use import model_in_use
from dspy_programs.serve import requests as asked
from dspy_programs.serve.worker_pool import Progress
from dspy_programs.tokens import TokenCounter, counter_for


class Replaced(BaseModel):
    """Messages of the request that follow each other and are not in the answer as they were: places from 0, both included."""

    first: int
    last: int


class CompressedMemory(BaseModel):
    """The resulting messages, which are never larger than the given ones.

    The originals do not come back: whoever sent them has them, at the places in `replaced`.
    """

    messages: list[dict[str, JsonValue]]
    replaced: list[Replaced]
    bytes_given: int
    bytes_now: int
    """Of all messages, as JSON in UTF-8."""
    report: CompressionReport


class ContextStats(BaseModel):
    """How much of the session is in the context, in entries and tokens."""

    total_tokens: int
    max_tokens: int
    entries_included: int
    protected_entries: int
    older_entries_included: int
    entries_excluded: int
    token_counter: str
    exact: bool


class BuiltContext(BaseModel):
    """The context as one text and as chat messages, each within the token limit."""

    context: str
    messages: list[dict[str, JsonValue]]
    stats: ContextStats


def compress_memory(request: asked.CompressMemory, progress: Progress) -> CompressedMemory:
    progress(0, 1)
    given = _said_in(request.messages)
    with running_on(model_in_use() if request.use_llm else None):
        known = store_of(given, _watched(counter_for(model_in_use()), progress))
        compressor = MemoryCompressor(
            request.token_budget,
            request.protected_recent,
            strategies=request.strategies,
            fallback=request.fallback,
        )
        report = compressor.compress(known.store, progress)
    messages = messages_of(known)
    here = {id(message) for message in messages}
    gone = [place for place, message in enumerate(given) if id(message) not in here]
    own = {id(message) for message in given}
    messages = [message if id(message) in own else _without_originals(message) for message in messages]
    return CompressedMemory(
        messages=messages, replaced=_runs(gone), bytes_given=_bytes_of(given), bytes_now=_bytes_of(messages), report=report
    )


def build_context(request: asked.BuildContext, progress: Progress) -> BuiltContext:
    progress(0, 1)
    store = store_of(_said_in(request.messages), _watched(counter_for(model_in_use()), progress)).store
    builder = ContextBuilder(ContextConfig(request.max_tokens, request.protected_recent))
    counted = {"token_counter": store.counter.name, "exact": store.counter.exact}
    stats = builder.get_context_stats(store, request.system_message) | counted
    return BuiltContext(
        context=builder.build_context(store, request.system_message),
        messages=builder.build_messages(store, request.system_message),
        stats=ContextStats.model_validate(stats),
    )


def _said_in(messages: Sequence[asked.Message]) -> list[dict[str, Any]]:
    return [message.model_dump(exclude_unset=True) for message in messages]


def _without_originals(message: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in ("compressed", "compression_history")}


def _runs(places: Sequence[int]) -> list[Replaced]:
    """Join places that follow each other."""
    found: list[Replaced] = []
    for place in places:
        if found and found[-1].last == place - 1:
            found[-1].last = place
        else:
            found.append(Replaced(first=place, last=place))
    return found


def _bytes_of(messages: Sequence[Mapping[str, Any]]) -> int:
    return len(json.dumps(messages, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


def _watched(counter: TokenCounter, progress: Progress) -> TokenCounter:
    """Return a counter that ends a call that nobody waits for: a memory's texts are counted from beginning to end."""

    def count(text: str) -> int:
        progress(0, 0)
        return counter.count(text)

    return replace(counter, count=count)

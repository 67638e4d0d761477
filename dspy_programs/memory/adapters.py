"""Convert sessions of other frameworks to a memory and back: plain and OpenAI messages, LangGraph's, dspy.History.

Input      a list of messages, a dspy.History, or anything with get_messages(). A message is a mapping with role (or type)
           and content, or an object with .type or .role and .content. Content may be null, or a list of parts.
Output     store_of(session) -> Session, whose `store` has one entry per message; messages_of(session) returns them in their
           original kind. compress_session(...) -> (messages, report).
Guarantees without compression the messages come back equal, objects as the identical ones. A message that replaces
           compressed ones has their role (never "tool"), `compressed: true` and `compression_history`. Whatever a mapping
           has besides role, text and tools (non-text parts, other keys) is kept in its entry, and so in the history.
Raises     UsageError for an invalid message: its number, and what is wrong.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from pydantic import ValidationError

from dspy_programs.cli import Progress
from dspy_programs.errors import UsageError
from dspy_programs.memory.compressor import (
    PROTECTED_RECENT,
    TOKEN_BUDGET,
    CompressionReport,
    MemoryCompressor,
)
from dspy_programs.memory.context import as_message
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.store import MemoryStore
from dspy_programs.tokens import TokenCounter

Message = TypeVar("Message")
_OF_TYPE = {"user": "human", "assistant": "ai", "system": "system"}  # LangGraph's names


@dataclass(frozen=True)
class _Session:
    """A store, and the original message of each entry, by id."""

    store: MemoryStore
    messages: Mapping[str, Any]
    source: Any


def store_of(session: object, counter: TokenCounter | None = None) -> _Session:
    """Return a session as a store, an entry a message.

    Args:
        session: A list of messages, a dspy.History, or an object with `get_messages()`.
        counter: The token counter; by default OpenAI's cl100k vocabulary.

    Returns:
        The store, with the messages that its entries were.

    Raises:
        UsageError: A message is invalid: its number, and the fault.
    """
    store, known = MemoryStore(counter=counter), {}
    entries = []
    now = time.time()
    for number, message in enumerate(_messages_in(session), 1):
        try:
            entry = entry_of(message, number, _is_history(session)).model_copy(update={"timestamp": now})
        except (ValidationError, TypeError, ValueError) as error:
            what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise UsageError(f"message {number}: {what}; give messages with a role and a content") from error
        entries.append(entry)
        known[entry.id] = message
    taken = {place for entry in entries for place in _places_of(entry)}
    for entry in entries:
        position = max(store.ever_added, min(_places_of(entry), default=0))
        while not entry.compression_history and position in taken:
            position += 1
        store.add_entry(entry, position)
    return _Session(store, known, session)


def _places_of(entry: MemoryEntry) -> list[int]:
    """Return the session positions of the originals that an entry replaced in an earlier round."""
    return [record["position"] for record in entry.compression_history if type(record.get("position")) is int]


def _is_history(session: object) -> bool:
    return type(session).__name__ == "History" and hasattr(session, "messages")


def _messages_in(session: object) -> Sequence[Any]:
    found = session.get_messages() if hasattr(session, "get_messages") else getattr(session, "messages", session)
    if isinstance(found, (str, bytes, Mapping)) or not isinstance(found, Sequence):
        raise UsageError(
            f"{type(session).__name__} is not a session: give a list of messages, or an object with get_messages()"
        )
    return found


def entry_of(message: Any, number: int, fields_only: bool = False) -> MemoryEntry:
    """Return the entry of one message; fields_only: it is a turn of a dspy.History, a mapping of signature fields."""
    if fields_only:
        lines = [f"{name}: {value}" for name, value in message.items()]
        return MemoryEntry(role="user", content="\n".join(lines), turn_number=number)
    fields = dict(message) if isinstance(message, Mapping) else _fields_of(message)
    role, content = fields.get("role", fields.get("type")), fields.get("content")
    text = _text_of(content)
    if fields.get("compressed") is True and isinstance(fields.get("compression_history"), list):  # in an earlier round
        stand_in = {"role": "compressed", "content": text, "turn_number": number, "metadata": {"original_role": role}}
        return MemoryEntry.model_validate({**stand_in, "compression_history": fields["compression_history"]})
    kept = {key: value for key, value in fields.items() if key in ("tool_calls", "tool_call_id", "name") and value}
    if calls := parts(content, "tool_use"):
        kept.setdefault("tool_calls", [_as_call(part) for part in calls])
    if results := parts(content, "tool_result"):
        role = "tool"
        kept.setdefault("tool_call_id", results[0].get("tool_use_id"))
    entry = MemoryEntry.model_validate({"role": role, "content": text, "turn_number": number, "metadata": to_jsonable(kept)})
    if not isinstance(message, Mapping) or as_message(entry) == to_jsonable(message):
        return entry
    whole: dict[str, Any] = {key: value for key, value in to_jsonable(message).items() if key != "content" or value != text}
    missing = {key: value for key, value in entry.metadata.items() if key not in whole}
    return entry.model_copy(update={"metadata": {**missing, "message": whole}})


def _as_call(part: Mapping[str, Any]) -> dict[str, Any]:
    """Convert Anthropic's tool call to OpenAI's form."""
    arguments = json.dumps(to_jsonable(part.get("input")), ensure_ascii=False)
    return {"id": part.get("id"), "type": "function", "function": {"name": part.get("name"), "arguments": arguments}}


def message_of(entry: MemoryEntry) -> dict[str, Any]:
    """Return an entry as its original message, or a compressed one as a chat message."""
    message = entry.metadata.get("message")
    return {"role": entry.chat_role, "content": entry.content, **message} if isinstance(message, dict) else as_message(entry)


def _fields_of(message: object) -> dict[str, Any]:
    names = ("role", "type", "content", "tool_calls", "tool_call_id", "name")
    return {name: value for name in names if (value := getattr(message, name, None)) is not None}


def parts(content: object, kind: str) -> list[Any]:
    return (
        [part for part in content if isinstance(part, Mapping) and part.get("type") == kind]
        if isinstance(content, list)
        else []
    )


def _text_of(content: object) -> str:
    """Return the text of a content: itself, or its texts and tool results line by line; other parts give nothing."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise ValueError(f"content is {type(content).__name__}, not a string or a list of parts")
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(part, Mapping) and part.get("type") == "tool_result":
            text = _text_of(part.get("content"))
        texts += [text] if isinstance(text, str) else []
    return "\n".join(texts)


def to_jsonable(value: object) -> Any:
    """Return a value as plain JSON; an API client's object as its fields."""
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_jsonable(inner) for inner in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return to_jsonable(value.model_dump()) if hasattr(value, "model_dump") else str(value)


def messages_of(session: _Session) -> Any:
    """Return a store's current messages, in their original kind.

    Args:
        session: The result of `store_of`.

    Returns:
        A list of messages, or a dspy.History if that was given; uncompressed messages are the same objects.
    """
    found = [
        session.messages[entry.id] if entry.role != "compressed" else _stand_in_like(entry, session) for entry in session.store
    ]
    return type(session.source)(messages=found) if _is_history(session.source) else found


def _stand_in_like(entry: MemoryEntry, session: _Session) -> Any:
    """Return a compressed entry as a message of its first original's kind."""
    first = session.messages[entry.id]
    if _is_history(session.source):
        names = list(first) or ["memory"]
        return {**dict.fromkeys(names, ""), names[-1]: entry.content}
    role = entry.chat_role
    marks = {"compressed": True, "compression_history": entry.compression_history}
    if isinstance(first, Mapping):
        name = {"type": _OF_TYPE.get(role, role)} if "role" not in first and "type" in first else {"role": role}
        return {**name, "content": entry.content, **marks}
    return {"role": role, "content": entry.content, **marks}


@overload
def compress_session(
    session: Sequence[Message],
    token_budget: int = TOKEN_BUDGET,
    protected_recent: int = PROTECTED_RECENT,
    *,
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> tuple[list[Message | dict[str, Any]], CompressionReport]: ...
@overload
def compress_session(
    session: object,
    token_budget: int = TOKEN_BUDGET,
    protected_recent: int = PROTECTED_RECENT,
    *,
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> tuple[Any, CompressionReport]: ...


def compress_session(
    session: object,
    token_budget: int = TOKEN_BUDGET,
    protected_recent: int = PROTECTED_RECENT,
    *,
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> tuple[Any, CompressionReport]:
    """Return a session's messages within a budget, and a report. The session itself is not changed.

    Args:
        session: A list of messages, a dspy.History, or an object with `get_messages()`.
        token_budget: Tokens for all messages together, 0 or more.
        protected_recent: How many of the last messages stay word for word, as all system prompts do.
        counter: The token counter; by default OpenAI's cl100k vocabulary.
        progress: Called between pieces of work with the amount done and the total.

    Returns:
        The messages in their original kind, kept ones as the same objects; and the report.

    Raises:
        UsageError: A message is invalid, or the budget is below what is protected.
        LanguageModelError: A model is in use and does not answer.
    """
    known = store_of(session, counter)
    report = MemoryCompressor(token_budget, protected_recent).compress(known.store, progress)
    return messages_of(known), report

"""A session as people have it, opened: its messages, and how to put others in their place.

Input      a list of messages (mappings, live objects, pairs), lines of Claude Code; an object with get_messages(),
           to_input_list(), get_history() or `messages`, such as a dspy.History; a mapping around the messages, as
           {"messages": [...]}, a request, a graph's state, a trace of ours ({"turns": [...]}).
Output     Opened: `items`, the very messages; `raws`, the same as JSON; `messages`, as they are read; `before` and `after`,
           what a request or a log has besides the list: the system prompt, the reply.
Raises     UsageError for what is no session, and for a message that cannot be read: "messages[3]: ...", with the value seen.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from dspy_programs.conversation import (
    Held,
    Message,
    held_in,
    instructions,
    is_session_line,
    keys_of,
    kind_of,
    messages_of,
    replies,
    sessions_of,
    told_in,
    with_attachments,
)
from dspy_programs.errors import UsageError
from dspy_programs.jsonable import to_jsonable
from dspy_programs.memory.sessions.dialects import originals_of, with_originals

_GETTERS = ("get_messages", "to_input_list", "get_history", "to_messages")
_FIELDS = ("role", "type", "source", "content", "parts", "tool_calls", "tool_call_id", "name", "additional_kwargs", "refusal",
           "function_call", "raw_item", "id", "call_id", "arguments", "output")  # fmt: skip
_SEVERAL = ("samples", "simulations")
_REPLIES = ("choices", "candidates", "output", "response", "chat_message")


class Opened(NamedTuple):
    """A session that was read."""

    source: Any
    items: Sequence[Any]
    raws: list[Any]
    messages: list[Message]
    before: list[Message]
    after: list[Message]
    rebuilt: Callable[[list[Any]], Any]
    is_history: bool = False


def opened(session: object) -> Opened:
    """Return a session as read. Raises UsageError for what is no session or holds what is no message."""
    if is_history(session):
        return _history(session)
    if isinstance(session, BaseModel) and isinstance(getattr(session, "turns", None), list):
        return _trace(session, to_jsonable(session))
    if isinstance(session, Mapping):
        return _mapping(session)
    items = _items_of(session)
    raws = [to_jsonable(plain(item)) for item in items]
    return Opened(session, items, raws, read(raws), [], [], list)


def is_history(session: object) -> bool:
    return type(session).__name__ == "History" and hasattr(session, "messages")


def _items_of(session: object) -> Sequence[Any]:
    getter = next((name for name in _GETTERS if callable(getattr(session, name, None))), None)
    values = getattr(session, "values", None)  # a snapshot of LangGraph's state
    if getter is not None:
        found = getattr(session, getter)()
    elif isinstance(values, Mapping) and "messages" in values:
        found = values["messages"]
    else:
        found = getattr(session, "messages", session)
    if isinstance(found, (str, bytes, bytearray, Mapping)) or not isinstance(found, Sequence):
        raise UsageError(
            f"{type(session).__name__} is not a session: give a list of messages, an object with get_messages(), or a mapping "
            "with `messages`"
        )
    return found


def _history(session: Any) -> Opened:
    items, messages = list(session.messages), []
    for place, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise UsageError(f"messages[{place}]: is {kind_of(item)}, not the fields of a turn")
        text = "\n".join(f"{name}: {value}" for name, value in item.items())
        messages.append(Message("user", text, places=(place,)))
    return Opened(
        session,
        items,
        [to_jsonable(item) for item in items],
        messages,
        [],
        [],
        lambda found: type(session)(messages=found),
        is_history=True,
    )


def _trace(session: Any, raw: Mapping[str, Any]) -> Opened:
    turns = raw["turns"]
    items = session["turns"] if isinstance(session, Mapping) else session.turns
    messages = messages_of([_said(turn) for turn in turns], "turns", strict=True)

    def rebuilt(found: list[Any]) -> Any:
        if isinstance(session, Mapping):
            return {**session, "turns": found}
        made = type(session).model_validate({**dict(session), "turns": found})
        for turn, given in zip(made.turns, found, strict=True):
            if originals := originals_of(given):
                with_originals(turn, originals)
        return made

    return Opened(session, items, list(turns), messages, [], [], rebuilt)


def _said(turn: Any) -> Any:
    """Return a turn of a trace as a chat message."""
    if not isinstance(turn, dict):
        return turn
    said = {key: turn[key] for key in ("role", "content") if turn.get(key) is not None}
    has_result = turn.get("tool_output") is not None
    if said.get("role") == "tool" and has_result:
        return {**said, "content": turn["tool_output"], "name": turn.get("tool_name"), "latency_ms": turn.get("latency_ms")}
    parts = [{"type": "text", "text": turn["content"]}] if isinstance(turn.get("content"), str) and turn["content"] else []
    if isinstance(turn.get("tool_name"), str) and said.get("role") != "tool":
        parts.append({"type": "tool_call", "name": turn["tool_name"], "arguments": turn.get("tool_input")})
    if has_result:
        parts.append({"type": "tool_call_response", "name": turn.get("tool_name"), "result": turn["tool_output"]})
    return {**said, "content": parts} if parts else said


def _mapping(session: Mapping[str, Any]) -> Opened:
    raw = {str(key): value for key, value in session.items()}
    if isinstance(raw.get("turns"), list):
        return _trace(session, to_jsonable(raw))
    if (held := _held_in(raw)) is None:
        if (key := next((key for key in _SEVERAL if isinstance(raw.get(key), list)), None)) is not None:
            return _only_one(session, raw, key)
        raise UsageError(
            f"{type(session).__name__} is not a session: it has no list of messages, but the keys {keys_of(raw)}; give the "
            "messages, or an object with `messages`"
        )
    items = held.holder[held.key]
    raws = [to_jsonable(plain(item)) for item in items]
    read_from = with_attachments(raws, raw["attachments"]) if isinstance(raw.get("attachments"), dict) else raws
    asked = held.holder.get("input")
    before = instructions(to_jsonable({key: value for key, value in held.holder.items() if key != held.key}))
    if held.key == "new_items" and isinstance(asked, str):
        before.append(Message("user", asked))
    after = replies(to_jsonable({key: raw[key] for key in _REPLIES if key in raw}))

    def rebuilt(found: list[Any]) -> Any:
        return _with_list(session, items, found)

    return Opened(session, items, raws, read(read_from, held.key), before, after, rebuilt)


def _held_in(raw: dict[str, Any]) -> Held | None:
    """Return where a mapping keeps its messages: the very list, live messages in it."""
    if isinstance(raw.get("traj"), list):  # tau-bench's
        return Held(raw, "traj")
    return held_in({key: dict(value) if isinstance(value, Mapping) else value for key, value in raw.items()})


def _only_one(session: Mapping[str, Any], raw: dict[str, Any], key: str) -> Opened:
    """Return the only conversation of a log that can have several."""
    found = raw[key]
    if len(found) != 1 or not isinstance(found[0], Mapping):
        raise UsageError(f"{key}: {len(found)} conversations, expected one; give one of them")
    inner = opened(found[0])
    return inner._replace(source=session, rebuilt=lambda items: {**session, key: [inner.rebuilt(items)]})


def _with_list(value: Mapping[str, Any], items: Any, found: list[Any]) -> dict[str, Any]:
    """Return a mapping with another list in the place of `items`, wherever it is in it."""
    made: dict[str, Any] = {}
    for key, inner in value.items():
        if inner is items:
            made[key] = found
        elif isinstance(inner, Mapping) and any(each is items for each in inner.values()):
            made[key] = _with_list(inner, items, found)
        else:
            made[key] = inner
    return made


def read(raws: list[Any], where: str = "messages") -> list[Message]:
    """Read messages, as JSON, in any dialect."""
    lines = [raw for raw in raws if is_session_line(raw)]
    if not lines or len(lines) * 2 < len(raws):
        return messages_of(raws, where, strict=True)
    sessions = [(name, found) for name, found in sessions_of(lines) if "/" not in name]
    if len(sessions) > 1:
        names = ", ".join(name[:40] or "(unnamed)" for name, _ in sessions[:4])
        raise UsageError(f"{len(sessions)} sessions, expected one: {names}; give the lines of one")
    mine = {id(line) for _, found in sessions for line in found}
    told = told_in([raw if id(raw) in mine else {} for raw in raws])  # what a subagent says is in its own context
    found = []
    for places, message in told:
        sent = {**message, "role": raws[places[0]]["type"]}  # what the program itself inserts is sent as the user's too
        for one in messages_of([sent], f"lines[{places[0]}].message", strict=True):
            found.append(one._replace(places=places))
    return found


def plain(item: Any) -> Any:
    """Return a live object as a mapping of its fields."""
    if isinstance(item, BaseModel):
        return item.model_dump(warnings=False)
    if item is None or isinstance(item, (str, bytes, int, float, Mapping, list, tuple)):
        return item
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name: plain(getattr(item, field.name)) for field in dataclasses.fields(item)}
    found = {name: getattr(item, name) for name in _FIELDS if getattr(item, name, None) is not None}
    return {name: plain(value) for name, value in found.items() if not callable(value)} or item

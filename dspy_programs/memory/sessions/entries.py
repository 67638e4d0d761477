"""Entries of messages in any dialect, and the messages that entries were.

A message becomes one entry; one with several results an entry for each, and one more for what else it says. Items that say
nothing by themselves (private reasoning, chunks, the books of a session file) belong to the entry of the message behind them.

Output     with_ids(...): the messages, every call with an id. grouped(...): the entries, with the places of the messages that
           they were; unplaced(...): of messages that stand beside them. messages_in(entries): chat messages, or
           the originals where nothing was changed.
Guarantees every text, call and result of a message is in exactly one entry; a call without an id gets one, and its result
           the same. `metadata["message"]` has the original: one message, or the list of those that were told as one. Of a
           message that became several entries each has the part that it is, `metadata["part"]` tells of which and where.
Raises     UsageError for what is no message, with its place.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dspy_programs.conversation import Call, Message, Result, paired
from dspy_programs.memory.entry import MemoryEntry, new_id
from dspy_programs.memory.sessions.message_parts import apart, joined, part_places, split

_ROLES = {"agent": "assistant"}


class Group(NamedTuple):
    """Messages that belong together, by their places, and their entries."""

    places: range
    entries: list[MemoryEntry]


def grouped(raws: Sequence[Any], messages: Sequence[Message], at: float) -> list[Group]:
    """Return the entries of messages that were read from `raws`, as JSON; every place is in exactly one group."""
    found: list[Group] = []
    start = 0
    for number, message in enumerate(messages, 1):
        end = len(raws) if number == len(messages) else message.places[-1] + 1
        entries = _entries_of(message, raws[start:end], start + 1, at)
        found.append(Group(range(start, end), entries))
        start = end
    if raws and not messages:  # nobody says anything
        nothing = MemoryEntry(role="assistant", content="", turn_number=1, timestamp=at, metadata={"message": list(raws)})
        found.append(Group(range(len(raws)), [nothing]))
    return found


def unplaced(messages: Iterable[Message], number: int, at: float) -> list[MemoryEntry]:
    """Return the entries of messages that stand in no list: a request's system prompt, a reply."""
    return [entry for message in messages for entry in _entries_of(message, (), number, at)]


def with_ids(messages: Sequence[Message], others: Collection[str] = ()) -> list[Message]:
    """Return the messages with an id for every call, none of `others`, and that of its call for every result."""
    asked, _ = paired(messages)
    taken = {*others, *(call.id for message in messages for call in message.calls)}
    answers: dict[int, tuple[str, str]] = {}
    found = []
    number = 0
    for message, waiting in zip(messages, asked, strict=True):
        calls: list[Call] = []
        for one in waiting:
            id_ = one.call.id
            while id_ is None or any(call.id == id_ for call in calls):
                number += 1
                id_ = None if f"call_{number}" in taken else f"call_{number}"
            calls.append(one.call._replace(id=id_))
            if one.result is not None:
                answers[id(one.result)] = (id_, one.call.name)
        found.append(message._replace(calls=tuple(calls)))
    return [message._replace(results=tuple(_answering(one, answers) for one in message.results)) for message in found]


def _answering(result: Result, answers: Mapping[int, tuple[str, str]]) -> Result:
    id_, _ = answers.get(id(result), (result.id, None))
    return result._replace(id=id_)


def _entries_of(message: Message, raws: Sequence[Any], number: int, at: float) -> list[MemoryEntry]:
    results = [_result_entry(result) for result in message.results]
    says = bool(message.text or message.calls or not results)
    own = [_own_entry(message)] if says else []
    is_reply = message.role in ("user", "tool")
    fields = [*results, *own] if is_reply else [*own, *results]
    whole: Any = raws[0] if len(raws) == 1 else list(raws) or None
    if len(fields) == 1:
        return [_entry(fields[0], whole, number, at)]
    ids = [new_id() for _ in fields]
    pieces = split(raws[0], len(results), says, own_last=is_reply) if len(raws) == 1 else None
    pieces = pieces or [([], whole), *([([], None)] * (len(fields) - 1))]
    found = []
    for id_, field, (places, piece) in zip(ids, fields, pieces, strict=True):
        field["metadata"]["part"] = {"of": ids[0], "places": places}
        found.append(_entry({**field, "id": id_}, piece, number, at))
    return found


def _own_entry(message: Message) -> dict[str, Any]:
    """Return the fields of the entry for what a message says besides its results."""
    metadata: dict[str, Any] = {"tool_calls": [_as_openai(call) for call in message.calls]} if message.calls else {}
    if message.name:
        metadata["name"] = message.name
    role = "user" if message.role == "tool" else _ROLES.get(message.role, message.role)
    return {"role": role, "content": message.text, "metadata": metadata}


def _result_entry(result: Result) -> dict[str, Any]:
    metadata = {"tool_call_id": result.id, "name": result.name}
    kept = {key: value for key, value in metadata.items() if value}
    return {"role": "tool", "content": _text_of(result.output), "metadata": kept}


def _as_openai(call: Call) -> dict[str, Any]:
    arguments = call.given if isinstance(call.given, str) else json.dumps(call.given, ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _text_of(output: Any) -> str:
    """Return what a tool gave as text: a failure that stood in a field of its own stays one."""
    if isinstance(output, dict) and output.keys() <= {"error", "output"} and isinstance(output.get("error"), str):
        rest = _text_of(output["output"]) if "output" in output else ""
        return f"error: {output['error']}" + (f"\n{rest}" if rest else "")
    return output if isinstance(output, str) else "" if output is None else json.dumps(output, ensure_ascii=False)


def _entry(fields: dict[str, Any], raw: Any, number: int, at: float) -> MemoryEntry:
    entry = MemoryEntry.model_validate({**fields, "turn_number": number, "timestamp": at})
    metadata = dict(entry.metadata)
    flat = isinstance(raw, dict) and raw.get("content") is not None
    if isinstance(raw, dict) and isinstance(raw.get("tool_calls"), list) and _are_openai(raw["tool_calls"], entry.call_ids):
        metadata["tool_calls"] = raw["tool_calls"]  # word for word
        entry = entry.model_copy(update={"metadata": metadata})
    if raw is None or ("part" not in metadata and _as_message(entry) == raw):
        return entry
    if not isinstance(raw, dict):
        return entry.model_copy(update={"metadata": {**metadata, "message": raw}})
    whole = {key: value for key, value in raw.items() if not (key == "content" and flat and value == entry.content)}
    if "content" not in raw:
        metadata["no_content"] = True
    if "role" in whole:
        metadata = {key: value for key, value in metadata.items() if key in ("part", "no_content") or whole.get(key) != value}
    return entry.model_copy(update={"metadata": {**metadata, "message": whole}})


def _are_openai(calls: list[Any], ids: list[str]) -> bool:
    said = [call.get("id") for call in calls if isinstance(call, dict) and isinstance(call.get("function"), dict)]
    return len(said) == len(calls) and said == ids


def messages_in(entries: Iterable[MemoryEntry]) -> list[Any]:
    """Return the messages that entries were; a changed or compressed one as a chat message."""
    return [message for told in apart(entries) for message in original_messages(told)]


def original_messages(told: Sequence[MemoryEntry]) -> list[Any]:
    """Return the message of entries that are its parts; several, if it was told in several."""
    first = told[0]
    message = first.metadata.get("message")
    if isinstance(message, list):
        return [*message]
    if len(told) == 1 or not isinstance(message, dict):
        return [message_of(entry) for entry in told]
    return [joined([(message_of(entry), part_places(entry)) for entry in told])]


def message_of(entry: MemoryEntry) -> dict[str, Any]:
    """Return an entry as its original message, or a compressed one as a chat message."""
    message = entry.metadata.get("message")
    if not isinstance(message, dict):
        return _as_message(entry)
    if "content" in message or entry.metadata.get("no_content") is True:
        return dict(message)
    return {"content": entry.content, **message}


def _as_message(entry: MemoryEntry) -> dict[str, Any]:
    """Return an entry as a chat message, with its message's other fields besides role and content."""
    message: dict[str, Any] = {"role": entry.chat_role, "content": entry.content}
    if entry.role != "compressed":
        message.update({key: value for key in ("tool_calls", "tool_call_id", "name") if (value := entry.kept(key))})
    return message

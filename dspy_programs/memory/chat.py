"""Chat messages that the strictest APIs accept, in OpenAI's form, from the entries of any memory.

Input      entries, in order; strict: one message a turn, as Anthropic, Gemini and several templates want.
Output     chat_messages(entries, strict) -> messages with only the keys that the API has: role, content, tool_calls,
           tool_call_id, name. drafts_of(entry): what an entry alone is sent as.
Guarantees system messages come first (strict: as one), then a user's; every call has one result, directly after it and in the
           order of the calls; ids are unique, at most 40 letters, digits, - and _; names are valid; arguments are a JSON
           object; nothing is empty; pictures, sound and files stand in users' messages only, and elsewhere as the marks that
           an entry's text has. Valid ids stay. A result without its call and a call without result have a note that says so.
Source     platform.openai.com/docs/api-reference/chat/create, docs.anthropic.com/en/api/messages, ai.google.dev/api (Content)
"""

import json
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dspy_programs.conversation import call_of, parts_of
from dspy_programs.jsonable import sound, to_jsonable
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.media import Media, as_part, read

NO_RESULT = "[No result of this call is on record.]"
NO_CALL = "[Result of a tool call that is not on record]"
NO_BEGINNING = "[The conversation begins with what follows.]"
NO_TEXT = "[empty]"
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LONGEST_NAME = 64

Message = dict[str, Any]


@dataclass(frozen=True)
class _Call:
    id: str | None
    name: str
    arguments: str


@dataclass
class Draft:
    """One message before its place is known. media: parts in OpenAI's form; answers: the id of the call that it answers."""

    role: str
    text: str = ""
    media: list[Message] = field(default_factory=list)
    parts: list[Message] | None = None
    calls: list[_Call] = field(default_factory=list)
    answers: str | None = None
    name: str | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or self.media or self.calls or self.role == "tool")

    def as_message(self, ids: Iterable[str] | None = None) -> Message:
        """Return the message. ids: of its calls, in order, if they are not as they were."""
        message: Message = {"role": self.role, "content": self._content()}
        if self.calls:
            named = ids if ids is not None else [call.id or "" for call in self.calls]
            message["tool_calls"] = [_as_tool_call(id_, call) for id_, call in zip(named, self.calls, strict=True)]
        if self.answers is not None:
            message["tool_call_id"] = self.answers
        if self.name and self.role != "tool":
            message["name"] = self.name
        return message

    def as_parts(self) -> list[Message]:
        return self.parts or [*([_text_part(self.text)] if self.text.strip() else []), *self.media]

    def _content(self) -> Any:
        if self.media:
            return self.as_parts()
        if self.text.strip():
            return self.text
        return NO_TEXT if self.role == "tool" else None


def chat_messages(entries: Iterable[MemoryEntry], strict: bool = False) -> list[Message]:
    """Return a memory as messages for a chat API.

    Args:
        entries: The entries, in order.
        strict: Whether users and assistants must alternate; then one turn's messages become one.

    Returns:
        The messages; [] for no entries.
    """
    messages = completed(entries, strict)
    if messages and messages[-1]["role"] == "assistant" and isinstance(messages[-1]["content"], str):
        messages[-1]["content"] = messages[-1]["content"].rstrip()  # Anthropic refuses a last answer that ends in a space
    return messages


def completed(entries: Iterable[MemoryEntry], strict: bool = False) -> list[Message]:
    """Return the messages, with what an API needs beside what the entries say."""
    drafts = [draft for entry in entries for draft in drafts_of(entry)]
    system = [draft for draft in drafts if draft.role == "system"]
    spoken = _answered([draft for draft in drafts if draft.role != "system"])
    if drafts and (not spoken or spoken[0].role != "user"):
        spoken.insert(0, Draft("user", NO_BEGINNING))
    if strict:
        system, spoken = _merged(system), _merged(spoken)
    return _rendered([*system, *spoken])


def drafts_of(entry: MemoryEntry) -> list[Draft]:
    """Return what an entry is sent as: nothing for an empty one, several for a message with several results of tools.

    The entry's text says everything; pictures, sound and files are sent besides, in a user's message.
    """
    return [draft for draft in _all_drafts_of(entry) if not draft.is_empty]


def _all_drafts_of(entry: MemoryEntry) -> list[Draft]:
    text = sound(entry.content)
    if entry.role == "compressed":
        return [Draft(entry.chat_role, text)]
    parts = _parts_of(entry)
    results = [part for part in parts if part.get("type") == "tool_result"] if entry.role == "tool" else []
    if len(results) > 1 and "\n".join(map(_result_of, results)) == text:
        return [Draft("tool", _result_of(part), answers=_id_of(part.get("tool_use_id"))) for part in results]
    draft = Draft(entry.role, text, name=_name_of(entry))
    if entry.role == "assistant":
        draft.calls = [_call(raw) for raw in entry.calls if isinstance(raw, dict)]
    elif entry.role == "tool":
        draft.answers = _id_of(entry.answers)
    elif entry.role == "user":
        draft.media = [made for part in parts if (made := _as_media(part))]
        draft.parts = _in_order(parts, text) if draft.media else None
    return [draft]


def _parts_of(entry: MemoryEntry) -> list[Message]:
    return [part for part in entry.parts if isinstance(part, dict)]


def unsent_media(entry: MemoryEntry) -> list[Media]:
    """Return the pictures, sound and files that only the original message can carry: OpenAI's chat API has no form for them."""
    inside = [part["content"] for part in _parts_of(entry) if isinstance(part.get("content"), list)]
    found = [read(part) for part in (*_parts_of(entry), *(part for content in inside for part in content))]
    return [media for media in found if media and (entry.role != "user" or as_part(media) is None)]


def _as_media(part: Message) -> Message | None:
    media = read(part)
    return as_part(media) if media else None


def _in_order(parts: list[Message], text: str) -> list[Message] | None:
    """Return texts and pictures in the order in which they were; None if the entry's text is another one by now."""
    texts = ["\n".join(parts_of([part]).texts) for part in parts]
    bare = [said for part, said in zip(parts, texts, strict=True) if not read(part)]  # pictures without their marks
    if text not in ("\n".join(filter(None, texts)), "\n".join(filter(None, bare))):
        return None
    told = [_as_media(part) or _text_part(sound(said)) for part, said in zip(parts, texts, strict=True)]
    return [part for part in told if part["type"] != "text" or part["text"].strip()]


def _json(value: Any) -> str:
    return json.dumps(to_jsonable(value), ensure_ascii=False)


def _text_part(text: str) -> Message:
    return {"type": "text", "text": text}


def _result_of(part: Message) -> str:
    """Return the text of one result in Anthropic's form."""
    content = part.get("content")
    if content is None or isinstance(content, str):
        return sound(content or "")
    held = content if isinstance(content, list) else [content]
    texts = [part["text"] if isinstance(part, dict) and isinstance(part.get("text"), str) else part for part in held]
    return sound("\n".join(text if isinstance(text, str) else _json(text) for text in texts))


def _name_of(entry: MemoryEntry) -> str | None:
    name = entry.kept("name") if entry.metadata else None
    return _valid(name) if isinstance(name, str) and name.strip() else None


def _id_of(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _call(raw: dict[str, Any]) -> _Call:
    call = call_of(raw)
    inner = raw.get("function") if isinstance(raw.get("function"), dict) else raw
    given = inner.get("arguments") if isinstance(inner, dict) else None
    return _Call(call.id, _valid(call.name.strip("()")) or "tool", _as_object(given, call.given))


def _as_object(written: Any, given: Any) -> str:
    """Return arguments as the JSON of an object: as they were written if they are one."""
    if isinstance(written, str) and isinstance(given, dict):
        try:
            if isinstance(json.loads(written, parse_constant=_refused), dict):
                return sound(written)
        except (ValueError, RecursionError):
            pass
    value = to_jsonable(given)
    return _json(value if isinstance(value, dict) else {} if value is None else {"input": value})


def _refused(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity, which JSON has not


def _valid(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_LONGEST_NAME]


def _as_tool_call(id_: str, call: _Call) -> Message:
    return {"id": id_, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _answered(drafts: list[Draft]) -> list[Draft]:
    """Put every result directly after its call, as a message for each; note what has no call, or no result."""
    waiting: dict[str | None, deque[list[Draft | None]]] = {}
    slots: dict[int, list[list[Draft | None]]] = {}
    strays: set[int] = set()
    for draft in drafts:
        if draft.role == "tool":
            if (slot := _slot_for(waiting, draft.answers)) is None:
                strays.add(id(draft))
            else:
                slot[0] = draft
            continue
        slots[id(draft)] = [[None] for _ in draft.calls]
        for call, one in zip(draft.calls, slots[id(draft)], strict=True):
            waiting.setdefault(call.id, deque()).append(one)
            if call.id is not None:
                waiting.setdefault(None, deque()).append(one)
    found: list[Draft] = []
    for draft in drafts:
        if draft.role != "tool":
            found += [draft, *(slot[0] or Draft("tool", NO_RESULT) for slot in slots[id(draft)])]
        elif id(draft) in strays:
            found.append(_stray(draft))
    return found


def _slot_for(waiting: Mapping[str | None, deque[list[Draft | None]]], id_: str | None) -> list[Draft | None] | None:
    """Return the place of the call that a result answers: of its id, the last that waits; without an id, the first."""
    places = waiting.get(id_, deque())
    order = places if id_ is None else reversed(places)
    return next((slot for slot in order if slot[0] is None), None)


def _stray(draft: Draft) -> Draft:
    return replace(draft, role="user", text=f"{NO_CALL}\n{draft.text.strip() or NO_TEXT}", answers=None, name=None)


def _merged(drafts: list[Draft]) -> list[Draft]:
    """Join messages of one role that follow each other; results of tools stay one for each call."""
    found: list[Draft] = []
    for draft in drafts:
        if not found or found[-1].role != draft.role or draft.role == "tool":
            found.append(draft)
            continue
        last = found.pop()
        joined = replace(
            last,
            text="\n\n".join(text for text in (last.text, draft.text) if text.strip()),
            media=last.media + draft.media,
            parts=last.as_parts() + draft.as_parts() if last.media or draft.media else None,
            calls=last.calls + draft.calls,
            name=last.name if last.name == draft.name else None,
        )
        found.append(joined)
    return found


def _rendered(drafts: list[Draft]) -> list[Message]:
    """Write the messages, each call and its result with one id of their own."""
    messages: list[Message] = []
    ids = _Ids(call.id for draft in drafts for call in draft.calls)
    own: deque[str] = deque()
    for draft in drafts:
        if draft.role == "tool":
            messages.append(replace(draft, answers=own.popleft()).as_message())
            continue
        own = deque(ids.own(call.id) for call in draft.calls)
        messages.append(draft.as_message(list(own)))
    return messages


class _Ids:
    """Ids for calls: their own if they are valid and come for the first time, else short ones that no call has."""

    def __init__(self, known: Iterable[str | None]) -> None:
        self.known = set(known)
        self.taken: set[str] = set()
        self.number = 0

    def own(self, id_: str | None) -> str:
        if id_ is not None and id_ not in self.taken and _ID.fullmatch(id_):
            self.taken.add(id_)
            return id_
        self.number += 1
        while f"call_{self.number}" in self.known:
            self.number += 1
        return f"call_{self.number}"

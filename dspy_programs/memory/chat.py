"""Chat messages that the strictest APIs accept, in OpenAI's form, from the entries of any memory.

Input      entries, in order; strict: one message a turn, as Anthropic, Gemini and several templates want.
Output     chat_messages(entries, strict) -> messages with only the keys that the API has: role, content, tool_calls,
           tool_call_id, name.
Guarantees system messages come first (strict: as one), then a user's; every call has one result, directly after it and in the
           order of the calls; ids are unique, at most 40 letters, digits, - and _; names are valid; arguments are a JSON
           object; nothing is empty; pictures, sound and files stand in users' messages only. Valid ids stay. What has no
           place is changed with a note that says so, in square brackets: a result without its call, a call without result.
Source     platform.openai.com/docs/api-reference/chat/create, docs.anthropic.com/en/api/messages, ai.google.dev/api (Content)
"""

import json
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dspy_programs.conversation import call_of, is_private
from dspy_programs.jsonable import sound, to_jsonable
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.media import as_part, read

NO_RESULT = "[No result of this call is on record.]"
NO_CALL = "[Result of a tool call that is not on record]"
NO_BEGINNING = "[The conversation begins with what follows.]"
NO_TEXT = "[empty]"
_LONGEST_ID = 40
_LONGEST_NAME = 64
_TEXT = (None, "text", "input_text", "output_text")
_TOLD = (*_TEXT, "tool_use", "tool_result", "tool_call", "function_call", "refusal")

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
    drafts = [draft for entry in entries for draft in drafts_of(entry) if not draft.is_empty]
    system = [draft for draft in drafts if draft.role == "system"]
    spoken = _answered([draft for draft in drafts if draft.role != "system"])
    if drafts and (not spoken or spoken[0].role != "user"):
        spoken.insert(0, Draft("user", NO_BEGINNING))
    if strict:
        system, spoken = _merged(system), _merged(spoken)
    return _rendered([*system, *spoken])


def drafts_of(entry: MemoryEntry) -> list[Draft]:
    """Return what an entry is sent as; several for a message with several results of tools."""
    text = sound(entry.content)
    if entry.role == "compressed":
        return [Draft(entry.chat_role, text)]
    original = entry.metadata.get("message")
    content = original.get("content") if isinstance(original, dict) else None
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    if entry.role == "tool" and len(results := [part for part in parts if part.get("type") == "tool_result"]) > 1:
        return [Draft("tool", _result_of(part), answers=_id_of(part.get("tool_use_id"))) for part in results]
    draft = Draft(entry.role, text, name=_name_of(entry))
    if entry.role == "assistant":
        draft.calls = [_call(raw) for raw in entry.calls if isinstance(raw, dict)]
    elif entry.role == "tool":
        draft.answers = _id_of(entry.answers)
        parts = _inside(parts)
    if entry.role == "user":
        draft.media = [_sendable(part) for part in parts if _is_foreign(part)]
        draft.parts = _in_order(parts, text) if draft.media else None
    else:
        draft.text = "\n".join([*([text] if text else []), *(_in_words(part) for part in parts if _is_foreign(part))])
    return [draft]


def _inside(parts: list[Message]) -> list[Message]:
    """Return the parts of a result in Anthropic's form, which are one level deeper."""
    held = [part["content"] for part in parts if part.get("type") == "tool_result" and isinstance(part.get("content"), list)]
    return [part for content in held for part in content if isinstance(part, dict)] if held else parts


def _in_words(part: Any) -> str:
    """Return what a message without pictures says of one, and of what nobody knows its whole JSON."""
    media = read(part)
    if media is None:
        return _json(part)
    named = media.name or media.link or media.id
    return f"[{media.kind}{f': {named}' if named else ''}, not shown here]"


def _is_foreign(part: Mapping[str, Any]) -> bool:
    """Return whether a part holds more than the entry's text and calls tell."""
    if part.get("type") in (*_TEXT, "tool_use", "tool_result", "tool_call", "function_call", "refusal") or is_private(
        dict(part)
    ):
        return read(part) is not None
    return True


def _sendable(part: Mapping[str, Any]) -> Message:
    """Return a part that OpenAI's API takes; what it has no form for as a text, with its whole JSON."""
    media = read(part)
    made = as_part(media) if media else None
    return made or _text_part(_in_words(part))


def _in_order(parts: list[Message], text: str) -> list[Message] | None:
    """Return texts and pictures in the order in which they were; None if the entry's text is another one by now."""
    texts = [part["text"] for part in parts if part.get("type") in _TEXT and isinstance(part.get("text"), str)]
    if sound("\n".join(texts)) != text:
        return None
    kept = [part for part in parts if _is_foreign(part) or str(part.get("text", "")).strip()]
    return [_sendable(part) if _is_foreign(part) else _text_part(sound(part["text"])) for part in kept if not is_private(part)]


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
    return sound("\n".join(text if isinstance(text, str) else _in_words(text) for text in texts))


def _name_of(entry: MemoryEntry) -> str | None:
    name = entry.kept("name") if entry.metadata else None
    return _valid(name, _LONGEST_NAME) if isinstance(name, str) and name.strip() else None


def _id_of(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _call(raw: dict[str, Any]) -> _Call:
    call = call_of(raw)
    inner = raw.get("function") if isinstance(raw.get("function"), dict) else raw
    given = inner.get("arguments") if isinstance(inner, dict) else None
    return _Call(call.id, _valid(call.name.strip("()"), _LONGEST_NAME) or "tool", _as_object(given, call.given))


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


def _valid(name: str, longest: int) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:longest]


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
    taken: set[str] = set()
    own: deque[str] = deque()
    for draft in drafts:
        if draft.role == "tool":
            messages.append({"role": "tool", "tool_call_id": own.popleft(), "content": draft.as_message()["content"]})
            continue
        own = deque(_unique(call.id, taken) for call in draft.calls)
        messages.append(draft.as_message(list(own)))
    if messages and messages[-1]["role"] == "assistant" and isinstance(messages[-1]["content"], str):
        messages[-1]["content"] = messages[-1]["content"].rstrip()  # Anthropic refuses a last answer that ends in a space
    return messages


def _unique(id_: str | None, taken: set[str]) -> str:
    """Return an id that no other call has: itself if it is valid and free."""
    base = _valid(id_ or "", _LONGEST_ID) or "call"
    found, number = base if id_ else "call_1", 1
    while found in taken:
        number += 1
        found = f"{base[: _LONGEST_ID - len(str(number)) - 1]}_{number}"
    taken.add(found)
    return found

"""What one entry of a memory is sent as, in OpenAI's form, before its place among the messages is known.

Output     drafts_of(entry): its drafts, several for a message with several results of tools; unsent_media(entry): the pictures,
           sound and files that no draft can carry.
Guarantees names are valid; arguments are a JSON object; pictures, sound and files stand in users' messages only, and elsewhere
           as the marks that the entry's text has.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dspy_programs.conversation import call_of, parts_of
from dspy_programs.jsonable import sound, to_jsonable
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.sending.media import Media, as_part, read

NO_TEXT = "[empty]"
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


def as_json(value: Any) -> str:
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
    return sound("\n".join(text if isinstance(text, str) else as_json(text) for text in texts))


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
    return as_json(value if isinstance(value, dict) else {} if value is None else {"input": value})


def _refused(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity, which JSON has not


def _valid(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_LONGEST_NAME]


def _as_tool_call(id_: str, call: _Call) -> Message:
    return {"id": id_, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

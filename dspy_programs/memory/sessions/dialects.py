"""The note that stands for older messages, and a tool's shortened result, in the session's own kind of message.

Output     note_in(items, text): a user's message as the session has them: LangChain's wrapper or object, Gemini's content,
           blocks, AutoGen's, a line of Claude Code, a turn of a trace; {role, content} where nothing else fits.
           shortened(item, text): the message of one result, with another text. with_originals, originals_of: what such a
           message stands for, at hand in the program and in no JSON.
Guarantees no key that the session's own messages do not have: strict APIs refuse others.
Raises     nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from dspy_programs.conversation import ROLES, is_session_line

_MODEL_TYPES = ("UserMessage", "AssistantMessage", "SystemMessage", "FunctionExecutionResultMessage")  # autogen_core's
_ORIGINALS = "originals"
_PAYLOADS = ("content", "output", "result", "response")


Share = tuple[int, Any]


class Note(dict[str, Any]):
    """A message that stands for others. It is a plain message to everyone else; the originals are at hand in `originals`.

    shares: for each of its entries, how many of the originals are its, and which part it is of a message in several.
    """

    def __init__(self, message: Mapping[str, Any], originals: list[dict[str, Any]], shares: Sequence[Share] = ()) -> None:
        super().__init__(message)
        self.originals, self.shares = originals, shares


def with_originals(message: Any, originals: list[dict[str, Any]], shares: Sequence[Share] = ()) -> Any:
    """Return a message that knows what it stands for. On an object this is no field: it is neither sent nor dumped."""
    if isinstance(message, Mapping):
        return Note(message, originals, shares)
    if isinstance(message, BaseModel):
        vars(message)[_ORIGINALS] = originals
    return message


def originals_of(message: Any) -> list[dict[str, Any]] | None:
    """Return what a message stands for, None for one that is a message of its own."""
    if isinstance(message, Note):
        return message.originals
    if isinstance(message, BaseModel) and _ORIGINALS not in type(message).model_fields:
        found: list[dict[str, Any]] | None = vars(message).get(_ORIGINALS)
        return found
    return None


def note_in(items: Sequence[Any], text: str) -> Any:
    """Return a user's message with this text, of the kind of the messages in `items`."""
    if any(isinstance(item, BaseModel) for item in items):
        return _like_object(items, text) or {"role": "user", "content": text}
    found = [item for item in items if isinstance(item, Mapping) and not isinstance(item, Note)]
    if not found:
        return _like_pair(items, text)
    return next((note for fits in _KINDS if (note := fits(found, text)) is not None), {"role": "user", "content": text})


def _like_object(items: Sequence[Any], text: str) -> Any:
    """Make an object of the class of a user's message, from its required fields, its role and its type."""
    for item in items:
        if not isinstance(item, BaseModel) or not _is_users(item):
            continue
        kind = type(item)
        fields = {name: getattr(item, name) for name, field in kind.model_fields.items() if field.is_required()}
        fields |= {name: getattr(item, name) for name in ("role", "type", "source") if name in kind.model_fields}
        parts = getattr(item, "parts", None)
        if "content" in kind.model_fields:
            fields["content"] = text
        elif isinstance(parts, list) and parts and isinstance(parts[0], BaseModel):
            fields["parts"] = [type(parts[0]).model_validate({"text": text})]
        try:
            return kind.model_validate(fields)
        except ValueError:
            return None
    return None


def _is_users(item: BaseModel) -> bool:
    names = (getattr(item, key, None) for key in ("role", "type", "source"))
    return any(ROLES.get(str(name).lower()) == "user" or name == "UserMessage" for name in names)


def _like_pair(items: Sequence[Any], text: str) -> Any:
    first = next((item for item in items if isinstance(item, (list, tuple)) and len(item) == 2), None)
    if first is None:
        return {"role": "user", "content": text}
    return ("user", text) if isinstance(first, tuple) else ["user", text]


def _claude_code(items: Sequence[Any], text: str) -> dict[str, Any] | None:
    lines = [item for item in items if is_session_line(item)]
    if not lines:
        return None
    session = next(({key: line[key]} for line in lines for key in ("sessionId", "session_id") if key in line), {})
    return {"type": "user", **session, "message": {"role": "user", "content": text}}


def _turn(items: Sequence[Any], text: str) -> dict[str, Any] | None:
    is_trace = any("turn_number" in item for item in items)
    return {"turn_number": 0, "role": "user", "content": text} if is_trace else None


def _langchain(items: Sequence[Any], text: str) -> dict[str, Any] | None:
    for item in items:
        if isinstance(item.get("data"), Mapping) and isinstance(item.get("type"), str):
            return {"type": "human", "data": {"type": "human", "content": text}}
        if isinstance(item.get("kwargs"), Mapping) and isinstance(item.get("id"), list) and item["id"]:
            id_ = [*item["id"][:-1], "HumanMessage"]
            return {"lc": 1, "type": "constructor", "id": id_, "kwargs": {"type": "human", "content": text}}
        if "role" not in item and str(item.get("type")).lower() in ROLES and "source" not in item:
            return {"type": "human", "content": text}
    return None


def _autogen(items: Sequence[Any], text: str) -> dict[str, Any] | None:
    if not any("source" in item and "type" in item and "role" not in item for item in items):
        return None
    is_models = any(item.get("type") in _MODEL_TYPES for item in items)
    return {"type": "UserMessage" if is_models else "TextMessage", "source": "user", "content": text}


def _parts(items: Sequence[Any], text: str) -> dict[str, Any] | None:
    """Return Gemini's content, or a message of Vercel's UI."""
    parts = [part for item in items if isinstance(item.get("parts"), list) for part in item["parts"]]
    if not parts:
        return None
    typed = any(isinstance(part, Mapping) and "type" in part for part in parts)
    return {"role": "user", "parts": [{"type": "text", "text": text} if typed else {"text": text}]}


def _blocks(items: Sequence[Any], text: str) -> dict[str, Any] | None:
    """Return a message of blocks, where no message of the session is a plain text."""
    contents = [item["content"] for item in items if item.get("content") and item.get("role") in ("user", "assistant")]
    if not contents or not all(isinstance(content, list) for content in contents):
        return None
    kinds = [part.get("type") for content in contents for part in content if isinstance(part, Mapping)]
    if not kinds:
        return None
    if None in kinds:  # Bedrock's
        return {"role": "user", "content": [{"text": text}]}
    is_responses = any(str(kind).startswith(("input_", "output_")) for kind in kinds)
    return {"role": "user", "content": [{"type": "input_text" if is_responses else "text", "text": text}]}


_KINDS = (_claude_code, _turn, _langchain, _autogen, _parts, _blocks)


def shortened(item: Any, text: str) -> Any:
    """Return the message of one result with `text` in its place; None if it is not clear where that stands."""
    if isinstance(item, BaseModel):
        return item.model_copy(update={"content": text}) if isinstance(getattr(item, "content", None), str) else None
    if not isinstance(item, Mapping):
        return None
    for key in ("message", "data", "kwargs", "raw_item"):
        if isinstance(inner := item.get(key), Mapping):
            made = shortened(inner, text)
            return None if made is None else {**item, key: made}
    if isinstance(answers := item.get("tool_responses"), list) and len(answers) == 1 and isinstance(answers[0], Mapping):
        return {**item, "content": text, "tool_responses": [{**answers[0], "content": text}]}
    for key in ("content", "parts"):
        if isinstance(parts := item.get(key), list):
            made = _with_result(parts, text)
            return {**item, key: [{"type": "text", "text": text}] if made is None else made}
    named = next((key for key in (*_PAYLOADS, "tool_output") if key in item), None)
    return None if named is None else {**item, named: text}


def _with_result(parts: Sequence[Any], text: str) -> list[Any] | None:
    """Return the parts with `text` as the only result among them; None if there is none."""
    for place, part in enumerate(parts):
        if not isinstance(part, Mapping):
            continue
        made = None
        if inner := next(
            (key for key in ("functionResponse", "function_response") if isinstance(part.get(key), Mapping)), None
        ):
            made = {**part, inner: {**part[inner], "response": {"result": text}}}
        elif isinstance(part.get("toolResult"), Mapping):
            made = {**part, "toolResult": {**part["toolResult"], "content": [{"text": text}]}}
        elif part.get("type") == "tool-result" and "output" in part:
            made = {**part, "output": {"type": "text", "value": text}}
        elif str(part.get("type")).endswith("tool_result") or part.get("type") in ("tool-result", "tool_call_response"):
            made = {**part, next((key for key in _PAYLOADS if key in part), "content"): text}
        elif "call_id" in part and "content" in part:  # AutoGen's
            made = {**part, "content": text}
        if made is not None:
            return [*parts[:place], made, *parts[place + 1 :]]
    return None

"""The messages in a span's attributes: as one list, as JSON of it, or a field to an attribute (gen_ai.prompt.0.content).

Source     OpenInference's semantic conventions (llm.input_messages.0.message.role), OpenLLMetry's (gen_ai.prompt.0.role),
           Phoenix's data frames, in which a message is {"message.role": ..., "message.content": ...}.
"""

from collections.abc import Mapping
from typing import Any

from dspy_programs.conversation import Message, as_dict, as_list, json_of, messages_of

_DEEPEST = 10  # parts of an attribute's name
_WRAPPERS = ("message", "tool_call", "message_content", "tool")


def listed(value: Any, key: str, role: str = "assistant") -> list[Message]:
    """Read messages from an attribute: a list, its JSON, or a text alone, which `role` said."""
    found = json_of(value)
    if isinstance(found, dict):
        found = found["messages"] if isinstance(found.get("messages"), list) else [found]
    if isinstance(found, list):
        items = map(json_of, found)  # each may be JSON in a text: attributes have no objects
        return messages_of([plain(one) if isinstance(one, dict) else one for one in items], key)
    return messages_of([{"role": role, "content": found}], key) if isinstance(found, str) and found else []


def indexed_messages(attributes: Mapping[str, Any], prefix: str, role: str) -> list[Message]:
    """Read messages whose fields are attributes of their own. One without a role is of `role`."""
    return messages_of([{"role": role, **plain(one)} for one in indexed(attributes, prefix) if isinstance(one, dict)], prefix)


def indexed(attributes: Mapping[str, Any], prefix: str) -> list[Any]:
    """Return what is under `prefix` and a number, in order of the numbers."""
    found: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(prefix):
            _put(found, key.removeprefix(prefix).split(".", _DEEPEST), value)
    return _as_list(found)


def _put(found: dict[str, Any], names: list[str], value: Any) -> None:
    for name in names[:-1]:
        inner = found.setdefault(name, {})
        if not isinstance(inner, dict):
            return  # both a value and something inside it: the value counts
        found = inner
    found.setdefault(names[-1], value)


def _as_list(found: dict[str, Any]) -> list[Any]:
    return [found[key] for key in sorted((key for key in found if key.isdecimal()), key=lambda key: int(key[:9]))]


def plain(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a message without the convention's wrappers: {"message": {"role": ...}} and {"message.role": ...}."""
    made = dict(_nested(raw))
    if isinstance(content := made.get("content"), str) and content.startswith("[{"):
        made["content"] = json_of(content)
    if contents := _members(made.get("contents")):
        made["content"] = [_content(one) for one in contents]
    calls = _members(made.get("tool_calls"))
    if isinstance(name := made.get("function_call_name"), str):
        calls.append({"name": name, "arguments": made.get("function_call_arguments_json")})
    return {**made, "tool_calls": calls} if calls else made


def _nested(raw: dict[str, Any]) -> dict[str, Any]:
    """Undo names with dots, then the wrapper around it all."""
    found: dict[str, Any] = {}
    for key, value in raw.items():
        _put(found, key.split(".", _DEEPEST), value)
    return next((found[key] for key in _WRAPPERS if isinstance(found.get(key), dict) and len(found) == 1), found)


def _members(value: Any) -> list[dict[str, Any]]:
    """Return the members of a list, which may be a mapping from number to member."""
    value = json_of(value)
    items = _as_list(value) if isinstance(value, dict) else as_list(value)
    return [_nested(item) for item in items if isinstance(item, dict)]


def _content(part: dict[str, Any]) -> dict[str, Any]:
    """Return one part of a message; a picture is only named."""
    return part if isinstance(part.get("type"), str) else {**part, "type": "image" if as_dict(part.get("image")) else "text"}

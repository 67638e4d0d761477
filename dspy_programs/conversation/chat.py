"""One message of a chat log in any dialect: OpenAI (Chat, Responses, Agents), Anthropic, Gemini, LangChain, AutoGen, Inspect.

The dialects use different keys for the same things and never one key for two things, so that one reader does for all.
A role that nobody knows is an agent's, with its name in front of the text.

Source     platform.openai.com/docs/api-reference, openai.github.io/openai-agents-python (items), ai.google.dev/api
           (Content), docs.anthropic.com/en/api/messages, python.langchain.com (messages), inspect.aisi.org.uk/reference,
           opentelemetry.io/docs/specs/semconv/gen-ai.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from dspy_programs.conversation.autogen import as_chat, is_autogen, is_code_report
from dspy_programs.conversation.content import (
    PRIVATE,
    Parts,
    call_of,
    failure_in,
    is_blocks,
    is_private,
    output_of,
    parts_of,
)
from dspy_programs.conversation.langchain import class_of, is_chunk, joined
from dspy_programs.conversation.media import mark_of, media_of
from dspy_programs.conversation.messages import Call, Message, Result, Role
from dspy_programs.conversation.values import (
    as_dict,
    as_list,
    decoded,
    first_text,
    keys_of,
    kind_of,
    marked,
    milliseconds,
    text_id,
)
from dspy_programs.errors import UsageError

ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "agent", "model", "bot"), "agent"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "observation", "environment", "ipython"), "tool"),
}
NO_MESSAGE = ("remove", "item_reference", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "compaction")
_ITEMS = ("_call", "_call_output")
_BESIDE = {"tool_calls", "additional_kwargs", "invalid_tool_calls", "function_call", "tool_responses", "refusal", "audio",
           "images", "experimental_attachments"}  # fmt: skip
_ABOUT = ("role", "type", "id", "name", "status", "source", "model", "created_at", "timestamp", "metadata", "tool_call_id")


def messages_of(raw: Sequence[Any], where: str = "messages", *, strict: bool = False) -> list[Message]:
    """Read a list of messages.

    strict: what is of no known type, or has nothing that is read, is an error, and not an agent's or an empty message.

    Raises UsageError for what is no message, with its place.
    """
    found: list[Message] = []
    for places, item in _as_told(raw):
        message = message_of(item, f"{where}[{places[0]}]", strict=strict)
        if message is None:
            continue
        last = found[-1] if found else None
        is_item = isinstance(item, dict) and "role" not in item and message.calls and not message.text
        if is_item and last is not None and last.role == "agent" and not last.results:  # one answer, told item by item
            places = (*last.places, *places)
            found[-1] = last._replace(calls=last.calls + message.calls, results=message.results, places=places)
        else:
            found.append(message._replace(places=places))
    return found


def _as_told(raw: Sequence[Any]) -> Iterable[tuple[tuple[int, ...], Any]]:
    """Return the messages with their places; the dialects in which one can only be read beside the others are rewritten."""
    if any(is_autogen(item) for item in raw):
        return as_chat(raw)
    return joined(raw) if any(is_chunk(item) for item in raw) else [((place,), item) for place, item in enumerate(raw)]


def message_of(raw: Any, where: str, *, strict: bool = False) -> Message | None:
    """Read one message; None for one that holds nothing but private reasoning, or does not belong to the conversation."""
    if isinstance(raw, list) and len(raw) == 2 and all(isinstance(item, str) for item in raw):
        raw = {"role": raw[0], "content": raw[1]}  # LangGraph takes pairs too
    if not isinstance(raw, dict):
        raise UsageError(f"{where}: is {kind_of(raw)}, not a message; a message is an object with role and content")
    raw = _unwrapped(raw)
    kind = raw.get("type")
    if isinstance(kind, str) and "role" not in raw:
        kind = class_of(kind)
        if kind in NO_MESSAGE:
            return None
        if kind in PRIVATE or kind.endswith(_ITEMS):
            return _response_item(raw, kind)
        if strict and kind.lower() not in ROLES:
            raise UsageError(
                f"{where}: type: {kind[:60]!r} is no kind of message that is known; a message has a role (user, assistant, "
                f"system or tool) and a content, this one has the keys {keys_of(raw)}"
            )
    name = raw.get("role") or kind or ("user" if "parts" in raw else None)  # Gemini may leave the user's role out
    if not isinstance(name, str) or not name:
        raise UsageError(f"{where}: role: is missing; the message has the keys {keys_of(raw)}")
    message = _with_role(raw, name)
    if strict and message is not None and _is_unread(raw, message, name):
        unknown = "" if name.lower() in ROLES else f"role: {name[:60]!r} is none that is known, and "
        raise UsageError(f"{where}: {unknown}content: is missing; the message has the keys {keys_of(raw)}")
    return message


def _is_unread(raw: dict[str, Any], message: Message, name: str) -> bool:
    """Return whether a message has words, but none where they are looked for, or comes from nobody who is known."""
    said = message.text.removeprefix(f"{name}: ")
    is_empty = not (said or message.calls or any(result.output not in (None, "") for result in message.results))
    if not is_empty or raw.keys() & {"content", "parts"}:
        return False
    if name.lower() not in ROLES:
        return True
    words = (value for key, value in raw.items() if key not in _ABOUT and not isinstance(value, bool))
    return any(value not in (None, "", [], {}) for value in words)


def _with_role(raw: dict[str, Any], name: str) -> Message | None:
    content = raw.get("content", raw.get("parts"))
    parts = parts_of(content)
    _add_beside(parts, raw)
    role: Role = ROLES.get(name.lower(), "agent")
    text = "\n".join(parts.texts)
    if role == "tool" and not parts.results:
        return Message("tool", results=(_tool_message(raw, parts),))
    if role == "user" and is_code_report(text):
        return Message("tool", results=(Result(text, None, "code"),))
    if name.lower() not in ROLES:
        text = f"{name}: {text}"
    if not (text or parts.calls or parts.results) and _has_only_reasoning(content):
        return None
    speaker = raw["name"] if role != "tool" and isinstance(raw.get("name"), str) and raw["name"] else None
    return Message(role, text, tuple(parts.calls), tuple(parts.results), speaker)


def _unwrapped(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the message itself: LangChain puts it into `kwargs` or `data`, OpenAI's Agents into `raw_item`."""
    if isinstance(inner := raw.get("raw_item"), dict):
        return inner
    if isinstance(inner := raw.get("message"), dict) and inner.keys() & {"role", "content"}:
        return inner if "role" in inner else {"role": raw.get("type"), **inner}
    if isinstance(inner := raw.get("data"), dict) and "content" in inner and isinstance(raw.get("type"), str):
        return {"type": raw["type"], **inner}
    if isinstance(inner := raw.get("kwargs"), dict) and isinstance(raw.get("id"), list) and raw["id"]:
        return {"type": class_of(str(raw["id"][-1])), **inner}
    return raw


def content_parts(raw: Any) -> list[Any]:
    """Return the parts of a message's content, whatever is around it; of several, those of all. A text is a part too."""
    if isinstance(raw, list):
        return [part for one in raw if isinstance(one, dict) for part in content_parts(one)]
    if not isinstance(raw, dict):
        return []
    inner = _unwrapped(raw)
    content = inner.get("content", inner.get("parts"))
    beside = [*as_list(inner.get("images")), *as_list(inner.get("experimental_attachments"))]
    found = content if isinstance(content, list) else [] if content is None else [content]
    return [*found, *({"type": "image", "image": one} if isinstance(one, str) else one for one in beside)]


def _add_beside(parts: Parts, raw: dict[str, Any]) -> None:
    """Add what stands beside the content: calls, results of several tools, a refusal, a spoken answer, pictures."""
    if raw.keys().isdisjoint(_BESIDE):
        return
    beside = raw.get("tool_calls") or as_dict(raw.get("additional_kwargs")).get("tool_calls")
    for calls in (beside, raw.get("invalid_tool_calls")):
        parts.add_calls(call_of(call) for call in as_list(calls) if isinstance(call, dict))
    if isinstance(raw.get("function_call"), dict):
        parts.add_calls([call_of(raw["function_call"])])
    for answer in as_list(raw.get("tool_responses")):  # AutoGen 0.2: one message, whose content repeats them all
        if isinstance(answer, dict):
            parts.results.append(_tool_message(answer, parts_of(answer.get("content"))))
            parts.texts.clear()
    if isinstance(raw.get("refusal"), str) and raw["refusal"]:
        parts.texts.append(raw["refusal"])
    if isinstance(sound := raw.get("audio"), dict):  # OpenAI's spoken answers
        parts.texts += [mark_of("audio", sound), *([said] if (said := first_text(sound, "transcript")) else [])]
    pictures = [("image", one) for one in as_list(raw.get("images"))]  # Ollama's
    attached = as_list(raw.get("experimental_attachments"))  # Vercel's
    files = [(media_of({**as_dict(one), "type": "file"}) or "file", one) for one in attached]
    parts.texts += [mark_of(kind, one) for kind, one in (*pictures, *files)]


def _has_only_reasoning(content: Any) -> bool:
    parts = as_list(content)
    return bool(parts) and all(isinstance(part, dict) and is_private(part) for part in parts)


def _tool_message(raw: dict[str, Any], parts: Parts) -> Result:
    """Read a message whose whole content is one result."""
    content = raw.get("content", raw.get("parts"))
    output = "\n".join(parts.texts) if is_blocks(content) else content
    name = next((raw[key] for key in ("name", "function", "tool_name") if isinstance(raw.get(key), str)), None)
    several = [id_ for id_ in as_list(raw.get("tool_call_ids")) if isinstance(id_, str)]
    id_ = several[0] if several else text_id(raw, "tool_call_id", "tool_use_id", "call_id", "id")
    return Result(marked(output, failure_in(raw)), id_, name, milliseconds(raw))


def _response_item(raw: dict[str, Any], kind: str) -> Message | None:
    """Read an item of OpenAI's Responses that is no message: a call, or its output."""
    if kind in PRIVATE:
        return None
    id_ = text_id(raw, "call_id", "id")
    error = raw.get("error") or raw.get("status") in ("failed", "incomplete")
    if kind.endswith("_output"):
        return Message("tool", results=(Result(marked(output_of(raw.get("output")), error), id_),))
    given = next((raw[key] for key in ("arguments", "input", "action", "queries", "code") if raw.get(key) is not None), None)
    name = raw["name"] if isinstance(raw.get("name"), str) and raw["name"] else kind.removesuffix("_call")
    call = Call(name, decoded(given), id_)
    output = next((raw[key] for key in ("output", "results", "outputs") if raw.get(key) is not None), None)
    if kind == "image_generation_call" and raw.get("result"):
        output = mark_of("image", raw)
    results = () if output is None and not raw.get("error") else (Result(marked(output, error), id_),)
    return Message("agent", calls=(call,), results=results)

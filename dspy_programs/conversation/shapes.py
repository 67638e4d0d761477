"""Where the messages are in what a log or a program keeps: a list, a request with its reply, the state of a graph.

Output     held_in: the object that has the list, and its key. instructions: the system prompt beside it. replies: the answer
           that a log keeps with the request. is_messages: whether a list is one of messages, in any dialect.
"""

from typing import Any, NamedTuple

from dspy_programs.conversation.chat import messages_of
from dspy_programs.conversation.content import output_of, parts_of
from dspy_programs.conversation.messages import Message

MESSAGES = ("messages", "history", "conversation", "transcript", "input", "contents", "new_items", "inner_messages")
_STATES = ("state", "values", "channel_values", "llm_context")
_ATTACHMENT = "attachment://"
_REQUESTS = ("request", "kwargs", "body")


class Held(NamedTuple):
    """A list of messages: holder[key]."""

    holder: dict[str, Any]
    key: str


def is_messages(raw: Any) -> bool:
    """Return whether a value is a list of messages, in any dialect; one that is none is named when they are read."""
    if not isinstance(raw, list):
        return False
    fits = sum(isinstance(item, dict) and is_message(item) for item in raw)
    return bool(fits) and fits * 2 >= len(raw)


def is_message(raw: dict[str, Any]) -> bool:
    if isinstance(raw.get("role"), str):
        return bool({"content", "parts", "tool_calls", "function_call", "tool_responses"} & raw.keys())
    kind = raw.get("type")
    if not isinstance(kind, str):
        return False
    return kind.endswith(("_call", "_call_output")) or bool({"content", "data", "kwargs", "message", "raw_item"} & raw.keys())


def held_in(raw: dict[str, Any]) -> Held | None:
    """Return where an object keeps its messages, None if it has none."""
    state = state_of(raw)
    holders = [state] if state is not None else holders_in(raw)
    return next((Held(one, key) for one in holders for key in MESSAGES if isinstance(one.get(key), list)), None)


def holders_in(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects that may contain a record's messages: itself, or its request."""
    return [raw, *(raw[key] for key in _REQUESTS if isinstance(raw.get(key), dict))]


def state_of(raw: dict[str, Any]) -> dict[str, Any] | None:
    """Return the state of a graph or an agent in an object, None if there is none."""
    states = (raw[key] for key in _STATES if isinstance(raw.get(key), dict))
    return next((state for state in states if isinstance(state.get("messages"), list)), None)


def instructions(holder: dict[str, Any]) -> list[Message]:
    """Return the system prompt stored next to the messages."""
    names = ("system", "instructions", "systemInstruction", "system_instruction")
    told = next((holder[key] for key in names if holder.get(key)), None)
    if isinstance(told, dict):
        told = told.get("parts") or told.get("content") or told
    text = "\n".join(parts_of(told).texts) if isinstance(told, list) else output_of(told)
    return [Message("system", text)] if isinstance(text, str) and text else []


def replies(raw: dict[str, Any]) -> list[Message]:
    """Return the model's answer, if a log keeps the request and its reply."""
    reply = raw["response"] if isinstance(raw.get("response"), dict) else raw
    for key, inner in (("choices", "message"), ("candidates", "content")):  # OpenAI's, Gemini's
        if isinstance(answers := reply.get(key), list):
            return messages_of([one[inner] for one in answers[:1] if isinstance(one, dict) and inner in one], key)
    if isinstance(output := reply.get("output"), list):
        return messages_of(output, "output")
    if isinstance(final := raw.get("chat_message"), dict):  # AutoGen's, behind its inner messages
        return messages_of([final], "chat_message")
    return messages_of([reply], "response") if reply is not raw and "role" in reply else []


def with_attachments(value: Any, attachments: dict[str, Any]) -> Any:
    """Put long texts back where a log of Inspect only refers to them."""
    if isinstance(value, str):
        return attachments.get(value.removeprefix(_ATTACHMENT), value) if value.startswith(_ATTACHMENT) else value
    if isinstance(value, list):
        return [with_attachments(item, attachments) for item in value]
    return {key: with_attachments(item, attachments) for key, item in value.items()} if isinstance(value, dict) else value

"""What is sent to a chat model: its tokens, and its text for reading.

One rule for every method: the content, calls as JSON, the ids of calls and results, and four tokens for a message's frame,
in OpenAI's cl100k vocabulary. `text_of` leaves the protected system prompt out, so that it answers no probe.
"""

import functools
import json
from collections.abc import Sequence
from typing import Any

from dspy_programs.tokens import counter_named

FRAME = 4
Message = dict[str, Any]
Messages = list[Message]


@functools.lru_cache(maxsize=200_000)
def count(text: str) -> int:
    return counter_named(None).count(text) if text else 0


def tokens_of(message: Message) -> int:
    calls = message.get("tool_calls")
    kept = [str(message[key]) for key in ("tool_call_id", "name") if message.get(key)]
    written = count(json.dumps(calls, ensure_ascii=False)) if calls else 0
    return FRAME + count(content_of(message)) + written + sum(map(count, kept))


def total(messages: Sequence[Message]) -> int:
    return sum(map(tokens_of, messages))


def content_of(message: Message) -> str:
    """Return the text of a message's content, whether that is text, parts or nothing."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content or ""


def text_of(messages: Sequence[Message], system: Sequence[str] = ()) -> str:
    """Return what a model reads of the messages. system: the contents of system prompts to leave out."""
    return "\n".join(line_of(message) for message in messages if content_of(message) not in system)


def line_of(message: Message) -> str:
    lines = [f"{message.get('name') or message['role']}: {content_of(message)}"] if content_of(message) else []
    for call in message.get("tool_calls") or []:
        inner = call.get("function", call)
        lines.append(f"{inner.get('name')}({inner.get('arguments')})")
    return "\n".join(lines)


def systems(messages: Sequence[Message]) -> list[str]:
    return [content_of(message) for message in messages if message["role"] in ("system", "developer")]


def is_system(message: Message) -> bool:
    return message["role"] in ("system", "developer")


def units(messages: Sequence[Message]) -> list[Messages]:
    """Return the messages in groups that must stay together: a message with the results of its calls, or one alone."""
    found: list[Messages] = []
    for message in messages:
        if message["role"] == "tool" and found:
            found[-1].append(message)
        else:
            found.append([message])
    return found

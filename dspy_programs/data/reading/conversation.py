"""Messages of any data set as the turns of a conversation: {"role", "content", ...}, nothing else in them changed.

Input      OpenAI's messages (role, content), ShareGPT's (from, value), pairs of texts (history), or Anthropic's transcripts
           ("\\n\\nHuman: ...\\n\\nAssistant: ...").
Output     turns whose role is system, user, assistant or tool where it is one of their usual names.
Raises     NotTaken for what is no list of messages.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from dspy_programs.data.reading.not_taken import NotTaken
from dspy_programs.tables import one_line

Turn = dict[str, Any]

_ROLES = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "model", "bot", "chatbot", "ai", "function_call", "tool_call"), "assistant"
    ),
    **dict.fromkeys(("tool", "observation", "tool_response", "function_response"), "tool"),
    "system": "system",
}
_SPEAKER = re.compile(r"\n\n(Human|Assistant):")


def is_talk(value: Any) -> bool:
    """Return whether a value is a list of messages."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) and _has_role(each) for each in value)


def _has_role(message: dict[str, Any]) -> bool:
    return isinstance(message.get("role", message.get("from")), str)


def is_transcript(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("\n\nHuman:")


def turns_of(value: Any, column: str) -> list[Turn]:
    """Return the turns of a list of messages, or of a transcript. column: where it is, for the reason."""
    if is_transcript(value):
        _, *parts = _SPEAKER.split(value)
        return [turn(_ROLES[who.lower()], said.strip()) for who, said in zip(parts[::2], parts[1::2], strict=True)]
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        value = _decoded(value, column)
    if not isinstance(value, list):
        raise NotTaken(f"{column}: must be a list of messages, not {type(value).__name__}")
    return [_turn_of(message, f"{column}.{number}") for number, message in enumerate(value)]


def _decoded(text: str, column: str) -> Any:
    """Return a list that a cell of a table holds as text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotTaken(f"{column}: not JSON: {one_line(error, 80)}") from error


def turn(role: str, content: str) -> Turn:
    return {"role": role, "content": content}


def _turn_of(message: Any, where: str) -> Turn:
    if not isinstance(message, dict):
        raise NotTaken(f"{where}: must be a message, not {type(message).__name__}")
    if not _has_role(message):
        raise NotTaken(f"{where}: no role; a message has role and content, or from and value")
    named = "role" if "role" in message else "from"
    said = next((name for name in ("content", "value", "text") if name in message), "content")
    role, content = message[named], message.get(said)
    if not (content is None or isinstance(content, (str, list))):
        raise NotTaken(f"{where}: the content must be text or a list of parts, not {type(content).__name__}")
    rest = {name: value for name, value in message.items() if name not in (named, said)}
    return {"role": _ROLES.get(role.strip().lower(), role), "content": content, **rest}


def turns_in_history(value: Any) -> list[Turn] | None:
    """Return the turns of [[asked, answered], ...]; None if it is something else."""
    if not isinstance(value, list):
        return None
    turns = []
    for each in value:
        if not (isinstance(each, list) and len(each) == 2 and all(isinstance(text, str) for text in each)):
            return None
        turns += [turn("user", each[0]), turn("assistant", each[1])]
    return turns


def first_asked(turns: Sequence[Turn]) -> str:
    return next((text_of(each) for each in turns if each["role"] == "user"), "")


def last_answered(turns: Sequence[Turn]) -> str:
    return next((text_of(each) for each in reversed(turns) if each["role"] == "assistant"), "")


def text_of(said: Turn) -> str:
    """Return what a turn says; of a turn that only calls tools, the calls as JSON."""
    content = said["content"]
    if isinstance(content, list):
        texts = (part.get("text") if isinstance(part, dict) else part for part in content)
        content = "\n".join(text for text in texts if isinstance(text, str))
    calls = said.get("tool_calls") or said.get("function_call")
    return content or (json.dumps(calls, ensure_ascii=False) if calls else "")


def is_plain(turns: Sequence[Turn]) -> bool:
    """Return whether a conversation is one question and at most one answer, so that its texts say all of it."""
    return [each["role"] for each in turns] in (["user"], ["user", "assistant"]) and all(
        each.keys() == {"role", "content"} and isinstance(each["content"], str) for each in turns
    )

"""What of a pair a judge sees: the request, everything it is about, and the answer.

Guarantees `input`, `context` and the earlier turns of a conversation are all seen, each under its name if there is more than
           one of them; the answer is never among them.
"""

import json
from typing import Any, NamedTuple

from dspy_programs.data.pair import DataPair


class Shown(NamedTuple):
    instruction: str
    input: str
    response: str


def shown_of(pair: DataPair) -> Shown:
    parts = {"input": pair.input, "context": pair.context, "conversation": _turns_before_answer(pair)}
    said = {name: text for name, text in parts.items() if text.strip()}
    if len(said) <= 1 and "conversation" not in said:
        about = "".join(said.values())
    else:
        about = "\n\n".join(f"{name}:\n{text}" for name, text in said.items())
    return Shown(pair.instruction, about, pair.output)


def _turns_before_answer(pair: DataPair) -> str:
    """Return a conversation as lines `role: text`, up to the answer; "" if there is nothing beyond the instruction."""
    turns = list(pair.messages or [])
    if turns and turns[-1].get("role") == "assistant":
        turns.pop()
    told = [(str(turn.get("role", "")), _text_of(turn)) for turn in turns]
    if [text for _, text in told if text.strip()] == [pair.instruction]:
        return ""
    return "\n".join(f"{role}: {text}" for role, text in told if text.strip())


def _text_of(turn: dict[str, Any]) -> str:
    """Return the text of a turn; calls of tools, and parts that are no text, as JSON."""
    content = turn.get("content")
    text = content if isinstance(content, str) else "" if content is None else json.dumps(content, ensure_ascii=False)
    calls = turn.get("tool_calls")
    return f"{text} {json.dumps(calls, ensure_ascii=False)}".strip() if calls else text

"""Values stay plain text: markers that something between here and the model would read as protocol are broken up.

DSPy reads text between two of its own marks as an image or another message block; a server that writes the messages into one
prompt, as llama.cpp does, reads chat-template marks as the end of one message and the start of another; a model reads a field
heading as one. A space after the first bracket makes each of them plain text.

Output     as_text(value) -> a value whose texts hold no mark; said(request) -> a request without those of chat templates,
           whoever wrote it: none belongs into a message. Marks of DSPy's own are its adapter's there.
Source     the chat templates and the special tokens of the models named below, as their publishers list them
"""

import dataclasses
import functools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import dspy
from dspy import lm15
from pydantic import BaseModel

_TEMPLATES = (
    r"<(?=[|\uff5c][^\s<>]{1,40}>|[\w\u2581]{1,40}[|\uff5c]>)"  # ChatML, Llama 3, gpt-oss, Phi, Gemma 4, DeepSeek
    r"|<(?=/?s>|[be]o[sdp]>|sop>|(?:start|end)_of_(?:turn|image)>)"  # Llama 2, Mistral, GLM, Gemma
    r"|<(?=/?(?:think|tool_calls?|tool_response|function|parameter|minimax:tool_call|seed:\w{1,40})>)"  # Qwen, DeepSeek, ...
    r"|<(?=(?:function|parameter)=[\w.-]{1,64}>|fim_(?:prefix|middle|suffix|pad)>|__media__>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|THINK|MODEL_SETTINGS)\])"  # Mistral
    r"|\[(?=(?:ARGS|CALL_ID|IMG|gMASK|\|[^\s\[\]<>|]{1,40}\|)\])"  # Mistral, GLM, EXAONE
    r"|\](?=~!?b[\[\]])|\[(?=e~\[)"  # MiniMax
)
_OF_TEMPLATES = re.compile(rf"<<(?=/?SYS>>)|{_TEMPLATES}")
_MARK = re.compile(rf"<<(?=CUSTOM-TYPE-|/?SYS>>)|{_TEMPLATES}|\[\[(?= ## \w+ ## \]\])")  # and DSPy's heading of a field


def plain(text: str) -> str:
    """Return a text with such marks broken up."""
    return _MARK.sub(r"\g<0> ", text) if _MARK.search(text) else text


def as_text(value: Any) -> Any:
    """Return the value with such marks broken up in every text, or the value itself if there are none."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dspy.Type):
        return _with_plain_parts(value)
    if isinstance(value, BaseModel):
        changed = {name: new for name, old in value if (new := as_text(old)) is not old}
        return value.model_copy(update=changed) if changed else value
    if isinstance(value, Mapping):
        pairs = {as_text(key): as_text(item) for key, item in value.items()}
        return pairs if pairs != value else value
    if isinstance(value, (list, tuple)):
        items = [as_text(item) for item in value]  # a tuple too: it is shown as a list
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


class _Parts(dspy.Type):
    """What a type of DSPy's is shown as."""

    parts: Any

    def format(self) -> Any:
        return self.parts


def _with_plain_parts(value: dspy.Type) -> dspy.Type:
    """Return an image, a document or a tool of the user's own program, which is intended; a text in it is text."""
    shown = value.format()
    return value if (parts := as_text(shown)) is shown or parts == shown else _Parts(parts=parts)


def has_parts(value: Any) -> bool:
    """Return whether a value holds a type of DSPy's that becomes a part of the message which is no text."""
    return any(isinstance(each, dspy.Type) and isinstance(each.format(), list) for each in _all_in(value))


def _all_in(value: Any) -> Iterator[Any]:
    left = [value]
    while left:
        yield (item := left.pop())
        if isinstance(item, BaseModel) and not isinstance(item, dspy.Type):
            left.extend(each for _, each in item)
        elif isinstance(item, Mapping):
            left.extend(item.values())
        elif isinstance(item, (list, tuple)):
            left.extend(item)
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            left.extend(getattr(item, field.name) for field in dataclasses.fields(item))


def said(request: lm15.Request, control_tokens: Collection[str] = ()) -> lm15.Request:
    """Return a request whose messages and tools hold no mark of a chat template.

    control_tokens: those of the model's own vocabulary, where it is known.
    """
    plain_part = functools.partial(_plain_part, control_tokens=control_tokens)
    system: Any = request.system
    if isinstance(system, str):
        system = _without_templates(system, control_tokens)
    elif system is not None:
        system = tuple(map(plain_part, system))
    messages = tuple(dataclasses.replace(each, parts=tuple(map(plain_part, each.parts))) for each in request.messages)
    return dataclasses.replace(request, messages=messages, system=system, tools=tuple(map(_plain_tool, request.tools)))


def _plain_part(part: Any, control_tokens: Collection[str]) -> Any:
    if not isinstance(part, lm15.TextPart):
        return part
    return dataclasses.replace(part, text=_without_templates(part.text, control_tokens))


def _without_templates(text: str, control_tokens: Collection[str]) -> str:
    text = _OF_TEMPLATES.sub(r"\g<0> ", text)
    for token in sorted(each for each in control_tokens if each in text):
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def _plain_tool(tool: Any) -> Any:
    """Return a tool with plain texts: a server writes it into the prompt, schema and all."""
    if not isinstance(tool, lm15.FunctionTool):
        return tool
    return dataclasses.replace(tool, description=as_text(tool.description), parameters=as_text(tool.parameters))

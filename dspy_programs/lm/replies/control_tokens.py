"""Values stay plain text: markers that something between here and the model would read as protocol are broken up.

DSPy reads text between two of its own marks as an image or another message block; a server that writes the messages into one
prompt, as llama.cpp does, reads chat-template marks as the end of one message and the start of another; a model reads a field
heading as one. A space after the first bracket makes each of them plain text.
"""

import re
from collections.abc import Mapping
from typing import Any

import dspy
from pydantic import BaseModel

_MARK = re.compile(
    r"<<(?=CUSTOM-TYPE-|/?SYS>>)"
    r"|<(?=[|\uff5c][^\s<>]{1,40}>|[\w\u2581]{1,40}[|\uff5c]>)"  # ChatML, Llama 3, gpt-oss, Phi, Gemma 4, DeepSeek
    r"|<(?=/?s>|[be]os>|(?:start|end)_of_turn>)"  # Llama 2, Mistral, Gemma
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"  # Mistral
    r"|\[\[(?= ## \w+ ## \]\])"  # DSPy's heading of a field
)


def as_text(value: Any) -> Any:
    """Return the value with such marks broken up in every text, or the value itself if there are none."""
    if isinstance(value, str):
        return _MARK.sub(r"\g<0> ", value) if _MARK.search(value) else value
    if isinstance(value, dspy.Type):
        return value  # an image from the user's own program is intended
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

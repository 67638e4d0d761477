"""The tokens of messages as they are sent: each with its frame, its calls as JSON, pictures and files by the target's rules.

Input      a message in any dialect, or an entry; a TokenCounter, whose `model` says by which rules.
Output     sent_tokens(message, counter), entry_tokens(entry, counter) -> int; opening(counter) -> int: what a request has
           once, besides its messages; beside_tokens(entries, counter) -> int: that, and what chat_messages adds to entries.
Guarantees a part that nobody knows is counted by its whole JSON, and no content is free; what is not sent (an empty message,
           private reasoning) counts 0. Errs on the high side where the rule is not published.

| target | frame of a message | once |
|---|---|---|
| OpenAI | 3 and the role; 1 and the name | 3 |
| Anthropic, Gemini | 5: not published, so an estimate | 10 |
| chat templates (ChatML, Llama 3, Gemma, Mistral) | 5; 12 more for a tool's result | 30: Qwen adds a system prompt |

Source     OpenAI's cookbook, "How to count tokens with tiktoken" (messages, with its examples); the
           templates of the models themselves, as `python -m tests.tokens_sent` measures them. Pictures and files: media.py.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from dspy_programs.conversation import PRIVATE
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.sending.chat import completed
from dspy_programs.memory.sending.drafts import as_json, drafts_of, unsent_media
from dspy_programs.memory.sending.media import price_for, read, tokens_of
from dspy_programs.tokens import TokenCounter

_BESIDE = ("tool_calls", "function_call", "refusal", "audio")  # of a message, sent besides its content
_DEEPEST = 20


class Frame(NamedTuple):
    """Tokens besides the content: of a message, of its name, of a tool's result besides; of a request."""

    message: int
    name: int
    result: int
    once: int


_FRAMES = (
    (r"gpt|chatgpt|o\d|davinci|text-", Frame(4, 1, 0, 3)),
    (r"claude|gemini", Frame(5, 1, 5, 10)),
)
_TEMPLATE = Frame(5, 1, 12, 30)


@cache
def frame_for(model: str) -> Frame:
    """Return the frames of a model, by its bare name; "" for a text of no known target: OpenAI's."""
    return next((frame for name, frame in _FRAMES if re.match(name, model or "gpt")), _TEMPLATE)


def opening(counter: TokenCounter) -> int:
    """Return the tokens that a request has besides its messages, such as the beginning of the reply."""
    return frame_for(counter.model).once


def entry_tokens(entry: MemoryEntry, counter: TokenCounter) -> int:
    """Return what is sent for an entry, as a chat message or as its original; 0 for one that is empty, which is not sent."""
    if (not entry.metadata and entry.role != "tool") or entry.role == "compressed":
        return text_tokens(entry.content, counter)
    sent = sum(sent_tokens(draft.as_message(), counter) for draft in drafts_of(entry))
    return sent + sum(tokens_of(media, price_for(counter.model)) for media in unsent_media(entry))


def beside_tokens(entries: Iterable[MemoryEntry], counter: TokenCounter) -> int:
    """Return what a request with chat_messages(entries) has besides what each entry is sent as; 0 if nothing is sent.

    Its opening, and what completes the messages for the API: a user's beginning, a result that is missing, an id.
    """
    changing, begun = [], False
    for entry in entries:
        if not begun or entry.role == "tool" or entry.calls:
            changing.append(entry)
            begun = begun or (entry.chat_role != "system" and bool(drafts_of(entry)))
    alone = [draft.as_message() for entry in changing for draft in drafts_of(entry)]
    together = completed(changing)
    before, after = Counter(map(repr, alone)), Counter(map(repr, together))
    messages = {repr(message): message for message in (*alone, *together)}
    changed = [key for key in messages if after[key] != before[key]]
    added = sum((after[key] - before[key]) * sent_tokens(messages[key], counter) for key in changed)
    return added + opening(counter) if together else 0


def text_tokens(text: str, counter: TokenCounter) -> int:
    """Return what is sent for a message of a text alone; 0 for an empty one."""
    return frame_for(counter.model).message + counter.count(text) if text and not text.isspace() else 0


def sent_tokens(message: Mapping[str, Any], counter: TokenCounter) -> int:
    """Return the tokens of one message, in any dialect, with its frame."""
    frame, count = frame_for(counter.model), counter.count
    total = frame.message + _content_tokens(message.get("content"), counter)
    if isinstance(name := message.get("name"), str) and name:
        total += frame.name + count(name)
    for key in _BESIDE:
        if message.get(key):
            total += count(as_json(message[key]))
    if message.get("tool_call_id") is not None:
        total += frame.result + count(str(message["tool_call_id"]))
    return total


def _content_tokens(content: Any, counter: TokenCounter, depth: int = 0) -> int:
    if content is None or isinstance(content, str):
        return counter.count(content) if content else 0
    if isinstance(content, (list, tuple)) and depth < _DEEPEST:
        return sum(_part_tokens(part, counter, depth + 1) for part in content)
    return counter.count(as_json(content))


def _part_tokens(part: Any, counter: TokenCounter, depth: int) -> int:
    if isinstance(part, str):
        return counter.count(part)
    if media := read(part):
        return tokens_of(media, price_for(counter.model))
    if not isinstance(part, Mapping):
        return counter.count(as_json(part))
    kind = part.get("type")
    if kind in PRIVATE:
        return 0
    if kind in ("text", "input_text", "output_text") and isinstance(part.get("text"), str):
        return counter.count(part["text"])
    if kind == "tool_result":
        id_ = counter.count(str(part.get("tool_use_id", "")))
        return frame_for(counter.model).result + id_ + _content_tokens(part.get("content"), counter, depth)
    return counter.count(as_json(part))

"""What a request asks of a model: read from the request itself, and from the limits that its sender names.

Output     Needs; needs_of(body) reads tokens, tools and images from the body of a chat completion.
Guarantees tokens are over-estimated rather than under-estimated: three bytes of UTF-8 are fewer than a token of English or code
           has; a picture in a data: URL is no text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dspy_programs.router.catalogue import Priority

_BYTES = 3  # of one token
_PICTURE = 1_500  # tokens of one picture, about what the large providers charge for one megapixel
_MOST_CHOICES = 1_000  # no provider gives as many
ANSWER = 1_024  # tokens of an answer whose length is not limited


@dataclass(frozen=True, slots=True)
class Needs:
    """prompt, answer: tokens; choices: answers to the same prompt; program: whose measured quality counts.

    preferred: only these models, () for all.
    text: the last message of the user, by which a request is easy or hard.
    """

    priority: Priority | None = None
    max_latency_ms: float | None = None
    max_cost_per_1k: float | None = None
    preferred: tuple[str, ...] = ()
    prompt: int = 0
    answer: int = ANSWER
    choices: int = 1
    tools: bool = False
    images: bool = False
    region: str | None = None
    program: str | None = None
    text: str = ""

    @property
    def tokens(self) -> int:
        return self.prompt + self.answer


def needs_of(body: Mapping[str, Any], **limits: Any) -> Needs:
    """Return the needs of a chat completion's body. limits: fields of Needs that its sender named."""
    size = pictures = 0
    for text in _texts(body.get("messages")):
        if text is None:
            pictures += 1
        else:
            size += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    tools = body.get("tools") or body.get("functions")
    size += sum(len(str(part)) for part in (tools, body.get("response_format")) if part)
    answer, choices = body.get("max_completion_tokens") or body.get("max_tokens"), body.get("n")
    return Needs(
        prompt=-(-size // _BYTES) + pictures * _PICTURE,
        answer=answer if isinstance(answer, int) and answer > 0 else ANSWER,
        choices=min(choices, _MOST_CHOICES) if isinstance(choices, int) and choices > 0 else 1,
        tools=bool(tools),
        images=pictures > 0,
        text=_last_of_user(body.get("messages")),
        **limits,
    )


def _last_of_user(messages: Any) -> str:
    for message in reversed(messages) if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == "user":
            return "\n".join(text for text in _texts([message]) if text)
    return ""


def _texts(messages: Any) -> Iterator[str | None]:
    """Yield the texts of messages, None for a picture."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            kind = part.get("type") if isinstance(part, dict) else None
            if kind in ("image_url", "image", "input_image"):
                yield None
            elif isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
            else:
                yield str(part)
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        if calls:
            yield str(calls)

"""What the router asks of a place that answers, and how that place fails.

Output     Answer, or an iterator of a stream's chunks; UpstreamError with what to do about it.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

_MOST_TOKENS = 100_000_000  # more than any model reads or writes in one answer

Json = dict[str, Any]
Cure = Literal["retry", "next", "refused"]
"""retry: the same model may answer in a moment; next: only another can; refused: the request itself was found wrong."""


class UpstreamError(Exception):
    """wait: seconds after which the model itself says that it can answer; status: of HTTP.

    may_cost: the request arrived, and may have to be paid although its answer did not come.
    """

    def __init__(
        self, line: str, cure: Cure, wait: float | None = None, status: int | None = None, may_cost: bool = False
    ) -> None:
        super().__init__(" ".join(line.split())[:300])
        self.cure, self.wait, self.status, self.may_cost = cure, wait, status, may_cost


class Used(NamedTuple):
    """Tokens."""

    prompt: int
    completion: int


class Upstream(Protocol):
    def complete(self, body: Json, seconds: float) -> Json:
        """Return the chat completion of a body, whose model is this one. Raises UpstreamError."""

    def stream(self, body: Json, seconds: float) -> Iterator[Json]:
        """Yield the chunks of one; the first is there when this returns. Raises UpstreamError, also midway."""


class _Function(TypedDict, total=False):
    name: str | None
    arguments: str | None


class _Call(TypedDict, total=False):
    index: int | None
    function: _Function | None


class _Said(TypedDict, total=False):
    tool_calls: list[_Call] | None


class _Choice(TypedDict, total=False):
    """What the router and its clients read of a choice; all else is as the server sends it."""

    index: int | None
    delta: _Said | None
    message: _Said | None
    finish_reason: str | None


_CHOICES: TypeAdapter[list[_Choice] | None] = TypeAdapter(list[_Choice] | None)


def is_completion(value: Any) -> bool:
    """Return whether something has choices, each with a message."""
    if not isinstance(value, dict) or not value.get("choices") or not is_chunk(value):
        return False
    return all(choice.get("message") is not None for choice in value["choices"])


def is_chunk(value: Json) -> bool:
    """Return whether the choices of a chunk, if it has some, are of OpenAI's protocol."""
    try:
        _CHOICES.validate_python(value.get("choices"), strict=True)
    except ValidationError:
        return False
    return True


def used_in(completion: Json) -> Used | None:
    """Return the tokens of a completion or a chunk, None where it does not say, or nobody could believe it."""
    usage = completion.get("usage")
    return believed(usage.get("prompt_tokens"), usage.get("completion_tokens")) if isinstance(usage, dict) else None


def believed(prompt: Any, completion: Any) -> Used | None:
    """Return the tokens that a server says it took, None where that cannot be."""
    is_sound = all(type(count) is int and 0 <= count <= _MOST_TOKENS for count in (prompt, completion))
    return Used(prompt, completion) if is_sound else None


def cure_of(status: int) -> Cure:
    """Return what to do about a status: 401, 403 and 404 are the model's fault here, not the request's."""
    if status in (408, 409, 425, 429) or status >= 500:
        return "retry"
    return "refused" if status in (400, 413, 415, 422) else "next"

"""What the router asks of a place that answers, and how that place fails.

Output     Answer, or an iterator of a stream's chunks; UpstreamError with what to do about it.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, Protocol

Json = dict[str, Any]
Cure = Literal["retry", "next", "refused"]
"""retry: the same model may answer in a moment; next: only another can; refused: the request itself was found wrong."""


class UpstreamError(Exception):
    """wait: seconds after which the model itself says that it can answer; status: of HTTP."""

    def __init__(self, line: str, cure: Cure, wait: float | None = None, status: int | None = None) -> None:
        super().__init__(" ".join(line.split())[:300])
        self.cure, self.wait, self.status = cure, wait, status


class Used(NamedTuple):
    """Tokens."""

    prompt: int
    completion: int


class Upstream(Protocol):
    def complete(self, body: Json, seconds: float) -> Json:
        """Return the chat completion of a body, whose model is this one. Raises UpstreamError."""

    def stream(self, body: Json, seconds: float) -> Iterator[Json]:
        """Yield the chunks of one; the first is there when this returns. Raises UpstreamError, also midway."""


def used_in(completion: Json) -> Used | None:
    """Return the tokens of a completion or a chunk, None where it does not say."""
    usage = completion.get("usage")
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")] if isinstance(usage, dict) else [None]
    return Used(*counts) if all(type(count) is int and count >= 0 for count in counts) else None


def cure_of(status: int) -> Cure:
    """Return what to do about a status: 401, 403 and 404 are the model's fault here, not the request's."""
    if status in (408, 409, 425, 429) or status >= 500:
        return "retry"
    return "refused" if status in (400, 413, 415, 422) else "next"

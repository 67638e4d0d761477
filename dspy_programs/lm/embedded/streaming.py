"""A reply while llama.cpp still writes it: its pieces as one reply, and as DSPy's events."""

import contextvars
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

from dspy import lm15

Heard = Callable[[str], bool]
"""Is called with each piece of a reply's text; True from it ends the reply."""


_RUN = 200  # characters at the end of a reply that repeat the same few, after which no small model stops by itself
_LONGEST_UNIT = 8  # characters


def to_the_end(text: str) -> bool:
    return False


class Joined:
    """Puts a streamed reply together as if it were unstreamed. One that only repeats itself is cut off, as one too long."""

    def __init__(self, heard: Heard = to_the_end) -> None:
        self.heard, self.text = heard, ""
        self._reason: str | None = None
        self._last: dict[str, Any] = {}
        self._error: dict[str, Any] | None = None

    def add(self, piece: dict[str, Any]) -> bool:
        """Add a piece as llama.cpp sends it; return whether that is all."""
        if "choices" not in piece:
            self._error = piece if "error" in piece else {"error": piece}
            return True
        self._last = piece
        is_enough = False
        for choice in piece["choices"]:
            text = choice["delta"].get("content") or ""
            self.text += text
            self._reason = choice["finish_reason"] or self._reason
            is_enough = bool(text) and self.heard(text)
        if is_runaway(self.text):
            self._reason, is_enough = "length", True
        return is_enough

    def reply(self) -> dict[str, Any] | None:
        """Return the reply, or the error in its place; None if its end is missing."""
        if self._error is not None:
            return self._error
        usage = self._last.get("usage") or _usage_of(self._last.get("timings") or {})
        if self._reason is None or usage is None:
            return None
        choice = {"index": 0, "message": {"role": "assistant", "content": self.text}, "finish_reason": self._reason}
        return {**self._last, "choices": [choice], "usage": usage}


def is_runaway(text: str) -> bool:
    """Return whether a text ends with the same few characters again and again."""
    end = text[-_RUN:]
    return len(end) == _RUN and any(end[unit:] == end[:-unit] for unit in range(1, _LONGEST_UNIT + 1))


def _usage_of(timings: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a reply has used so far; None if the piece does not say."""
    if "predicted_n" not in timings:
        return None
    cached = timings.get("cache_n", 0)
    read = {"prompt_tokens": timings.get("prompt_n", 0) + cached, "completion_tokens": timings["predicted_n"]}
    return {**read, "prompt_tokens_details": {"cached_tokens": cached}}


def events(answer: Callable[[Heard], lm15.Response], model: str) -> Iterator[Any]:
    """Yield the events of a reply while `answer`, in a thread of its own, hears it. Whoever stops listening ends it."""
    was_heard = False
    told: SimpleQueue[str | lm15.Response | BaseException] = SimpleQueue()
    is_left = threading.Event()

    def heard(text: str) -> bool:
        told.put(text)
        return is_left.is_set()

    def work() -> None:
        try:
            told.put(answer(heard))
        except BaseException as error:  # it is the listener's
            told.put(error)

    threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True, name="reply").start()
    try:
        yield lm15.StreamStartEvent(model=model)
        while isinstance(one := told.get(), str):
            was_heard = True
            yield lm15.StreamDeltaEvent(delta=lm15.TextDelta(text=one, part_index=0))
        if isinstance(one, BaseException):
            raise one
        if one.message.text and not was_heard:  # a proxy may send a reply as a whole
            yield lm15.StreamDeltaEvent(delta=lm15.TextDelta(text=one.message.text, part_index=0))
        yield lm15.StreamEndEvent(finish_reason=one.finish_reason, usage=one.usage)
    finally:
        is_left.set()

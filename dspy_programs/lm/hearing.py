"""Who hears an answer while it is written, whatever stands between them and the model: caches, limits, retries.

    with heard_by(lambda: print):
        program(...)  # prints each piece of each reply; what the program returns is as without it

Guarantees each try of a request has a listener of its own, which hears its text in order; a model that writes nothing in
           pieces is heard at its end, and a cached answer not at all.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from dspy import lm15

from dspy_programs.lm.samples import setting

Listener = Callable[[str], object]
_LISTENERS: ContextVar[Callable[[], Listener] | None] = ContextVar("who hears the answers of a block", default=None)


@contextlib.contextmanager
def heard_by(listener: Callable[[], Listener]) -> Iterator[None]:
    """Let what `listener` returns hear the replies of a block, in this thread; it is called anew for each try."""
    with setting(_LISTENERS, listener):
        yield


def answered(
    request: lm15.Request, whole: Callable[[lm15.Request], lm15.Response], stream: Callable[[lm15.Request], Iterator[Any]]
) -> lm15.Response:
    """Return an engine's answer: by `whole`, or by `stream` where somebody hears it."""
    if (listener := _LISTENERS.get()) is None:
        return whole(request)
    response: lm15.Response = lm15.materialize_response(_told(stream(request), listener()), request)
    return response


def _told(events: Iterator[Any], listener: Listener) -> Iterator[Any]:
    for event in events:
        if event.type == "delta" and event.delta.type == "text":
            listener(event.delta.text)
        yield event

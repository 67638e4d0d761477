"""A language model that stops making calls once the work that uses it has been stopped, or has used what it may.

Input      lm: any dspy.LM; check: raises if the work has been stopped; ends: when it will be, on the monotonic clock; meter:
           what the request may use.
Output     a dspy.LM with the same name, settings and engine that runs `check` and asks the meter before each request.
Guarantees a request to a server, with its retries, ends with its answer, at the model's own time limit or at `ends`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import dspy
from dspy import lm15

from dspy_programs.lm import decoding
from dspy_programs.lm.server import ending_at, wrap
from dspy_programs.serve.problems import ServeError, Unavailable
from dspy_programs.serve.spending import Meter

_Check = Callable[[], None]


class Stopped(BaseException):
    """Raised inside a call by its progress callback or its model when nobody waits for the result any more, or `why`.

    Not an Exception, so that no handler in a tool or DSPy can catch it and keep the work going.
    """

    def __init__(self, why: ServeError | None = None) -> None:
        super().__init__()
        self.why = why


class StoppableEngine:
    """Sits between DSPy and an engine."""

    def __init__(self, engine: Any, check: _Check, ends: float, meter: Meter) -> None:
        self.engine, self.check, self.ends, self.meter = engine, check, ends, meter
        self._failed: Exception | None = None  # why the last request has no answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> "StoppableEngine":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        self.check()
        try:
            booked = self.meter.ask(request)
        except ServeError as error:
            raise Stopped(self._unanswered() or error) from None
        try:
            with ending_at(self.ends):
                response: lm15.Response = self.engine.complete(request)
        except Exception as error:
            self._failed = error
            raise
        self._failed = None
        self.meter.tell(booked, response)
        return response

    def _unanswered(self) -> ServeError | None:
        """Return what to tell a client whose request used up its calls because the model failed: it is not too large."""
        if self._failed is None:
            return None
        return Unavailable(f"the language model does not answer ({type(self._failed).__name__})")

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))


def stoppable(lm: dspy.LM, check: _Check, ends: float, meter: Meter) -> dspy.LM:
    return wrap(StoppableEngine(lm.engine, check, ends, meter), lm.model, retries=lm.num_retries, **decoding(lm))

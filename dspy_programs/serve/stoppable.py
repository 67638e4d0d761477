"""A language model that stops making calls once the work that uses it has been stopped.

Input      lm: any dspy.LM; check: raises if the work has been stopped; ends: when it will be, on the monotonic clock.
Output     a dspy.LM with the same name, settings and engine that runs `check` before each request.
Guarantees a request to a server, with its retries, ends with its answer, at the model's own time limit or at `ends`.
"""

from collections.abc import Callable
from typing import Any

import dspy

from dspy_programs.lm import decoding
from dspy_programs.lm.server import ending_at, wrap

_Check = Callable[[], None]


class StoppableEngine:
    """Sits between DSPy and an engine."""

    def __init__(self, engine: Any, check: _Check, ends: float) -> None:
        self.engine, self.check, self.ends = engine, check, ends

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> "StoppableEngine":
        return self

    def complete(self, request: Any) -> Any:
        self.check()
        with ending_at(self.ends):
            return self.engine.complete(request)


def stoppable(lm: dspy.LM, check: _Check, ends: float) -> dspy.LM:
    return wrap(StoppableEngine(lm.engine, check, ends), lm.model, retries=lm.num_retries, **decoding(lm))

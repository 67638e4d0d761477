"""A language model that stops making calls once the work that uses it has been stopped.

Input      lm: any dspy.LM; check: raises if the work has been stopped.
Output     a dspy.LM with the same name, settings and engine that runs `check` before each request.
Guarantees a request in progress is not cut off: it ends with its answer or at the model's own time limit.
"""

from collections.abc import Callable
from typing import Any

import dspy

from dspy_programs.lm import decoding
from dspy_programs.lm.server import wrap

_Check = Callable[[], None]


class StoppableEngine:
    """Sits between DSPy and an engine."""

    def __init__(self, engine: Any, check: _Check) -> None:
        self.engine, self.check = engine, check

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> "StoppableEngine":
        return self

    def complete(self, request: Any) -> Any:
        self.check()
        return self.engine.complete(request)


def stoppable(lm: dspy.LM, check: _Check) -> dspy.LM:
    return wrap(StoppableEngine(lm.engine, check), lm.model, retries=lm.num_retries, **decoding(lm))

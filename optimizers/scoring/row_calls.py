"""Tracks the model calls for one row: the program's, and those of a metric that calls a model itself.

Models that a program or a metric brings along (`predictor.lm`, `set_lm`, `dspy.context(lm=...)`) are journaled and counted like
the one it is compiled for. And an unreadable reply is remembered even if the program catches the error: its consequences in
that row are the model's fault, not a bug.

Not seen   calls that bypass DSPy's predictors (`lm("...")` of a user's model), or in a thread without DSPy's settings.
"""

import asyncio
import itertools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError, ContextWindowExceededError

from dspy_programs.lm.replies import CompleteJSONAdapter
from dspy_programs.predict import Failure, first_line
from optimizers.calls import Meter, RecordedEngine
from optimizers.json_text import as_json

TOO_LONG = "The prompt is longer than the model can take."
UNUSABLE = (AdapterParseError, ContextWindowExceededError)
_TO_GO_ON = (
    "nothing was scored. Fix the program or the metric, or catch this in `forward` and return an answer; then run it "
    "again: it resumes from here and reuses the answers already paid for"
)
_NO_MODEL = (
    "a thread that a program starts does not see the model by itself. Take it along: "
    "pool.submit(contextvars.copy_context().run, predictor, ...), or dspy.Parallel"
)


class RowCalls(CompleteJSONAdapter):
    """The adapter of one row. lm: the model that the program runs on; Refine makes copies of this class without it.

    unread: unusable replies; lost: a call failed for another reason, such as a stopped run.
    """

    def __init__(self, lm: dspy.LM | None = None) -> None:
        super().__init__()
        self.engine = getattr(lm, "engine", None)
        self.unread: list[Failure] = []
        self.lost = False

    def __call__(self, lm: Any, lm_kwargs: dict[str, Any], signature: Any, demos: Any, inputs: dict[str, Any]) -> Any:
        with self.watching(inputs):
            return super().__call__(self.journalled(lm), lm_kwargs, signature, demos, inputs)

    async def acall(self, lm: Any, lm_kwargs: dict[str, Any], signature: Any, demos: Any, inputs: dict[str, Any]) -> Any:
        with self.watching(inputs):
            return await super().acall(self.journalled(lm), lm_kwargs, signature, demos, inputs)

    def journalled(self, lm: Any) -> Any:
        if isinstance(self.engine, RecordedEngine) and isinstance(lm, dspy.BaseLM):
            return self.engine.beside(lm)
        return lm

    @contextmanager
    def watching(self, inputs: dict[str, Any]) -> Iterator[None]:
        try:
            yield
        except UNUSABLE as error:
            self.unread.append(failure := failure_of(error))
            note(inputs, failure)
            raise
        except Exception:
            self.lost = True
            raise

    @property
    def first_unread(self) -> Failure | None:
        """Return one of them; with several threads, the same one each time."""
        return min(self.unread, key=failure_feedback, default=None)


RowCalls.__name__ = "JSONAdapter"  # like its parent: errors name it


@contextmanager
def calls_of(row: dspy.Example, meter: Meter) -> Iterator[RowCalls]:
    """Record a row's calls in a block. What stopped the run takes precedence over its consequences; bugs get the row's id."""
    calls = RowCalls(dspy.settings.lm)
    try:
        with dspy.context(adapter=calls):
            yield calls
    except Exception as error:
        meter.raise_if_stopped()
        error.add_note(f"in row {row.get('id')!r}; {_TO_GO_ON}")
        if "No LM is loaded" in str(error):
            error.add_note(_NO_MODEL)
        meter.stop(error)
        raise
    if calls.lost:
        meter.raise_if_stopped()  # a program may catch what stopped the run, but its result is then no answer


def failure_of(error: Exception) -> Failure:
    """Describe what was wrong with a reply, or that there was none."""
    if isinstance(error, AdapterParseError):
        return Failure(reason=first_line(error), raw_reply=error.lm_response or "")
    return Failure(reason=TOO_LONG, raw_reply="")


def note(inputs: dict[str, Any], failure: Failure) -> None:
    """Put a failed call on DSPy's trace, as `reply.ask` does: only then does a proposer see what to fix."""
    trace, callers = dspy.settings.trace, dspy.settings.caller_modules
    if trace is not None and callers:
        trace.append((callers[-1], dict(inputs), dspy.Prediction(unreadable_reply=failure.raw_reply)))


def failure_feedback(failure: Failure) -> str:
    return f"{failure.reason} It began: {failure.raw_reply[:200]!r}" if failure.raw_reply else failure.reason


class Trace(list[Any]):
    """DSPy's trace of one row: (predictor, inputs, outputs). `in_order` does not depend on which thread or task was faster."""

    def __init__(self) -> None:
        super().__init__()
        self.own = _worker()
        self.workers: dict[int, tuple[int, int]] = {}

    def append(self, step: Any) -> None:
        self.workers[id(step)] = _worker()
        super().append(step)

    def extend(self, steps: Iterable[Any]) -> None:
        for step in steps:
            self.append(step)

    def in_order(self) -> list[Any]:
        """Return the steps of the row's own thread in order; those of other threads, between two of them, sorted by content."""
        stretches = itertools.groupby(self, lambda step: self.workers.get(id(step), self.own) == self.own)
        return [step for is_own, steps in stretches for step in (steps if is_own else sorted(steps, key=_content_of))]


def _worker() -> tuple[int, int]:
    """Return the current thread and its task."""
    try:
        return threading.get_ident(), id(asyncio.current_task())
    except RuntimeError:  # there is no event loop
        return threading.get_ident(), 0


def _content_of(step: Any) -> str:
    _, inputs, outputs = step
    return as_json([dict(inputs), dict(outputs)], sort_keys=True)

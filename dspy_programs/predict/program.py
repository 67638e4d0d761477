"""The base classes of every program (a dspy.Module that can be called or awaited) and of every result.

`acall` runs `forward` in a worker thread with the caller's context: the model in use, DSPy's trace, usage and callbacks come
along. Concurrent calls run in parallel, as many as anyio has threads (40 per event loop). dspy.asyncify is not used: its
single limit for the whole process hangs if several event loops wait for it.

DSPy declares no types, so a program's are declared here: calling and awaiting it take the parameters of its `forward` and
return its result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, dataclass_transform

import dspy
from anyio import to_thread

from dspy_programs.model_in_use import CHOICE, choice, is_lost
from dspy_programs.predict.reply import Failure

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


@dataclass_transform(kw_only_default=True)
class TypedPrediction(dspy.Prediction):
    """A prediction whose class lists its fields. Annotations are all there is to them: DSPy stores them as it stores any."""


class Result(TypedPrediction):
    """The result of every program: a dspy.Prediction with at least these two fields, and those of the program's own class."""

    answered_by: Literal["model", "rules"]
    """Who answered: "rules" if no model is in use, if none had to be asked, or if its reply was unreadable."""
    failure: Failure | None
    """Why the model's reply was unreadable, and that reply; None if nothing failed."""


class Program(dspy.Module):
    """A module with one `forward`, called or awaited."""

    loaded_from: Path | None
    """The compiled file that `load` used; None for the uncompiled program. Set only by `load`."""

    if TYPE_CHECKING:

        def __call__(self: "Forward[P, R_co]", *args: P.args, **kwargs: P.kwargs) -> R_co:
            """Answer, with the arguments of `forward`."""

        async def acall(self: "Forward[P, R_co]", *args: P.args, **kwargs: P.kwargs) -> R_co:
            """Answer without blocking the event loop, with the arguments of `forward`."""

    async def aforward(self, *args: Any, **kwargs: Any) -> Any:
        """Like `forward`, without blocking the event loop.

        A cancelled call ends at once; a request in progress cannot be recalled, and its answer is dropped.
        """
        forward = object.__getattribute__(self, "forward")  # DSPy warns of self.forward, for it would miss usage and callbacks
        with _carried():
            return await to_thread.run_sync(partial(forward, *args, **kwargs), abandon_on_cancel=True)


class Forward(Protocol[P, R_co]):
    """What has a `forward`."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


@contextmanager
def _carried() -> Iterator[None]:
    """Mark a worker thread's context as the caller's, so that no model in use means none, not a lost one."""
    settings = dspy.settings
    with dspy.context(**{} if is_lost(settings) else {CHOICE: choice(settings) or "model"}):
        yield

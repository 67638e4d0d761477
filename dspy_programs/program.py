"""What every program is: a dspy.Module that can be awaited as well as called, and what every program gives.

`acall` runs `forward`, which is written once, in a worker thread with the caller's context: the model in use, DSPy's trace,
usage and callbacks go along. Calls that are awaited side by side run side by side, as many as anyio has threads (40 for each
event loop). dspy.asyncify is not used: its one limit for the whole process hangs where several event loops wait for it.

DSPy says nothing of types, so a program's are said here: it is called and awaited with the parameters of its `forward`, and
gives what that gives.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, dataclass_transform

import dspy
from anyio import to_thread

from dspy_programs.model_in_use import CHOICE, choice, is_lost
from dspy_programs.reply import Failure

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


@dataclass_transform(kw_only_default=True)
class TypedPrediction(dspy.Prediction):
    """A prediction whose class lists its fields. Annotations are all there is to them: DSPy stores them as it stores any."""


class Result(TypedPrediction):
    """What every program gives: a dspy.Prediction with at least these two fields, and those of the program's own class."""

    answered_by: Literal["model", "rules"]
    """Who answered: "rules" where no model is in use, where none had to be asked, or where its reply could not be read."""
    failure: Failure | None
    """Why the model's reply could not be read, and that reply; None where nothing failed."""


class Program(dspy.Module):
    """A module with one `forward`, called or awaited."""

    loaded_from: Path | None
    """The compiled file that `load` took; None for the program as it was written. Only what `load` returns has it."""

    if TYPE_CHECKING:

        def __call__(self: "Forward[P, R_co]", *args: P.args, **kwargs: P.kwargs) -> R_co:
            """Answer, with the arguments of `forward`."""

        async def acall(self: "Forward[P, R_co]", *args: P.args, **kwargs: P.kwargs) -> R_co:
            """Answer without keeping the event loop waiting, with the arguments of `forward`."""

    async def aforward(self, *args: Any, **kwargs: Any) -> Any:
        """Do as `forward` does, without keeping the event loop waiting.

        A cancelled call ends at once; a request in progress cannot be recalled, and its answer is dropped.
        """
        forward = object.__getattribute__(self, "forward")  # DSPy warns of self.forward, for it would miss usage and callbacks
        with carried():
            return await to_thread.run_sync(partial(forward, *args, **kwargs), abandon_on_cancel=True)


class Forward(Protocol[P, R_co]):
    """What has a `forward`."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


@contextmanager
def carried() -> Iterator[None]:
    """Mark a worker thread's context as the caller's, so that no model in use means none, not a lost one."""
    settings = dspy.settings
    with dspy.context(**{} if is_lost(settings) else {CHOICE: choice(settings) or "model"}):
        yield

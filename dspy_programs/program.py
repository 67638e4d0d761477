"""What every program is: a dspy.Module that can be awaited as well as called.

`acall` runs `forward`, which is written once, in a worker thread with the caller's context: the model in use, DSPy's trace,
usage and callbacks go along. Calls that are awaited side by side run side by side, as many as anyio has threads (40 for each
event loop). dspy.asyncify is not used: its one limit for the whole process hangs where several event loops wait for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import dspy
from anyio import to_thread

from dspy_programs.model_in_use import CHOICE, choice, is_lost


class Program(dspy.Module):
    """A module with one `forward`, called or awaited."""

    async def aforward(self, *args: Any, **kwargs: Any) -> dspy.Prediction:
        """Do as `forward` does, without keeping the event loop waiting.

        A call that is cancelled ends at once; a request that is under way cannot be called back, and its answer is dropped.
        """
        forward = object.__getattribute__(self, "forward")  # DSPy warns of self.forward, for it would miss usage and callbacks
        with carried():
            return await to_thread.run_sync(partial(forward, *args, **kwargs), abandon_on_cancel=True)


@contextmanager
def carried() -> Iterator[None]:
    """Let a worker thread know that its context is the caller's, so that none in use means none, and not one lost."""
    settings = dspy.settings
    with dspy.context(**{} if is_lost(settings) else {CHOICE: choice(settings) or "model"}):
        yield

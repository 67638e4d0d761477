"""What every program is: a dspy.Module that can be awaited as well as called.

`acall` runs `forward` in a worker thread with the caller's context: the model in use, DSPy's trace, usage and callbacks come
along. Concurrent calls run in parallel, as many as anyio has threads (40 per event loop). dspy.asyncify is not used: its
single limit for the whole process hangs if several event loops wait for it.
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
        """Like `forward`, without blocking the event loop.

        A cancelled call ends at once; a request in progress cannot be recalled, and its answer is dropped.
        """
        forward = object.__getattribute__(self, "forward")  # DSPy warns of self.forward, for it would miss usage and callbacks
        with carried():
            return await to_thread.run_sync(partial(forward, *args, **kwargs), abandon_on_cancel=True)


@contextmanager
def carried() -> Iterator[None]:
    """Mark a worker thread's context as the caller's, so that no model in use means none, not a lost one."""
    settings = dspy.settings
    with dspy.context(**{} if is_lost(settings) else {CHOICE: choice(settings) or "model"}):
        yield

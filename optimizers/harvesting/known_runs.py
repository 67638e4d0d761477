"""What the first pass over the runs learns: their tools, and which runs contradict each other.

Memory     8 bytes a run, 16 where it has an id; the tools.
"""

from array import array
from collections.abc import Callable

import numpy as np

from dspy_programs.programs.failure_judge import View
from dspy_programs.types import Trace
from optimizers.harvesting.menu import Tools
from optimizers.harvesting.store import number_of


class KnownRuns:
    """What the first pass learns: the tools, and which runs contradict each other."""

    def __init__(self) -> None:
        self.tools, self.runs = Tools(), 0
        self._runs = array("Q")

    def learn(self, trace: Trace) -> None:
        self.runs += 1
        self.tools.learn(trace, View(trace))
        if trace.is_successful is not None:
            self._runs.extend((key << 1 & (1 << 64) - 1) | bool(trace.is_successful) for key in _keys(trace))

    def contradicted(self) -> Callable[[Trace], bool]:
        """Return a test for runs that are on record both as a success and as a failure."""
        both = np.unique(np.frombuffer(self._runs, np.uint64)) if self._runs else np.empty(0, np.uint64)
        twice = {int(key) for key in both[1:][both[1:] >> np.uint64(1) == both[:-1] >> np.uint64(1)] >> np.uint64(1)}
        return lambda trace: any(key & (1 << 63) - 1 in twice for key in _keys(trace))


def _keys(trace: Trace) -> list[int]:
    """Return what a run is known by: its content, and its id if it has one."""
    content = number_of([trace.original_goal, [turn.model_dump(mode="json") for turn in trace.turns]])
    return [content, number_of(["id", trace.trace_id])] if trace.trace_id else [content]

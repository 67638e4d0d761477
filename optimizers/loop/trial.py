"""A challenger on trial: it answers held-back calls beside the champion, and nobody gets its answers."""

from collections.abc import Iterable
from typing import NamedTuple

import dspy

from metrics.score import Metric
from optimizers.loop.comparison import digest_of_inputs
from optimizers.promotion import Verdict, verdict

Instructions = dict[str, str]


class Held(NamedTuple):
    """A held-back call: its inputs with whatever the metric needs, and the champion's score."""

    row: dspy.Example
    score: float


class Trial:
    """number: of the challenger over this champion, from 1; level: its part of the error rate; most: rows that end it."""

    def __init__(
        self, program: dspy.Module, instructions: Instructions, number: int, level: float, margin: float, most: int
    ) -> None:
        self.program, self.instructions, self.number = program, instructions, number
        self.level, self.margin, self.most = level, margin, most
        self._differences: list[float] = []
        self._seen: set[str] = set()

    def verdict_on(self, calls: Iterable[Held], metric: Metric) -> Verdict | None:
        """Let the challenger answer the calls that it has not seen; return the verdict as soon as there is one."""
        for held in calls:
            key = digest_of_inputs(held.row)
            if key in self._seen:
                continue
            self._seen.add(key)
            try:
                score = metric(held.row, self.program(**held.row.inputs())).value
            except Exception:  # what the challenger raises is its failure
                score = 0.0
            self._differences.append(max(-1.0, min(1.0, score - held.score)))
            ended = len(self._differences) >= self.most
            found = verdict(self._differences, level=self.level, margin=self.margin, ended=ended)
            if found.decision != "continue":
                return found
        return None

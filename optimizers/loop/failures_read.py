"""The latest failures of a program in use, and the instruction that is proposed from them when there are enough."""

from collections import deque
from collections.abc import Callable
from typing import Any

import dspy

from dspy_programs.lm import running_on
from optimizers.calls import Meter
from optimizers.search import Choice, NoNewRule, Record, kinds_for, proposer_of

_CASES = 12  # failures that one proposal is made from

Instructions = dict[str, str]
Propose = Callable[[Instructions, list[Record]], Instructions | None]


class FailuresRead:
    """every: new failures after which a proposal is due; own: the user's proposer, instead of ours."""

    def __init__(self, every: int, reflection: dspy.LM | None, own: Propose | None, choice: Choice) -> None:
        self.every, self._reflection, self._own, self._choice = every, reflection, own, choice
        self._cases: deque[Record] = deque(maxlen=_CASES)
        self._new = 0
        self._proposers: dict[str, Any] = {}

    @property
    def is_due(self) -> bool:
        return self._new >= self.every

    def add(self, case: Record) -> None:
        self._cases.append(case)
        self._new += 1

    def clear(self) -> None:
        """Forget all: they are failures of another program."""
        self._cases.clear()
        self._new = 0

    def proposal(self, instructions: Instructions) -> Instructions | None:
        """Return all instructions, some of them new; None if nothing new is proposed. What it read is no longer new."""
        self._new = 0
        found = (self._own or self._by_model)(dict(instructions), list(self._cases))
        return {**instructions, **found} if found and {**instructions, **found} != instructions else None

    def _by_model(self, instructions: Instructions, cases: list[Record]) -> Instructions | None:
        lm = self._reflection or dspy.settings.lm
        if lm is None:
            return None
        for kind in kinds_for(lm, self._choice):
            proposer = self._proposers.setdefault(kind, proposer_of(kind, lm, Meter(), essential=False))
            name = next(iter(instructions))
            try:
                with running_on(lm):
                    return {**instructions, **proposer(instructions, {name: cases}, [name])}
            except NoNewRule:
                continue
        return None

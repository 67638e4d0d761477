"""Feedback summed up over many cases: which component fails how often, by how much, in which direction.

Input      feedback as `metrics.score.composite` writes it: "name 0.42: message" a line, or "Perfect.".
Output     at most three lines, the costliest component first, such as
           "steps: below 1 in 7 of 9 cases, mean 0.62; on average 4.8 tasks where 2.3 reach the goal: too long".
Guarantees a case that is seen again replaces what was known of it, so a summary stands still when nothing new is seen.
           What stands behind "Right:" and in quotes belongs to one row: it is left out.
"""

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from dspy_programs.text import sendable, shortened

PERFECT = "Perfect."
LONGEST_FEEDBACK = 4000  # characters that are read of one feedback
LONGEST_MESSAGE = 120
LINES = 3
FAULT = re.compile(r"^(\w{1,40}) ([01]\.\d\d): (.+)$", re.MULTILINE | re.ASCII)
NUMBER = re.compile(r"(?<![\w.])[0-9]{1,9}(?:\.[0-9]{1,9})?(?!\w)")
QUOTED = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|\"[^\"\n]*\"")


class Fault(NamedTuple):
    """One line of feedback: the component, its value in [0, 1], and what the metric said of it."""

    name: str
    value: float
    message: str


class Ledger:
    """The faults of every case seen. Give it train cases only: its summary is shown to the reflection model."""

    def __init__(self) -> None:
        self._cases: dict[Hashable, list[Fault]] = {}

    def add(self, case: Hashable, feedback: str) -> None:
        """Note what was said last of this case."""
        self._cases[case] = faults_in(feedback)

    def summary(self) -> str:
        """Return at most three lines; "" while nothing has failed."""
        faults: dict[str, list[Fault]] = {}
        for fault in (fault for case in self._cases.values() for fault in case):
            faults.setdefault(fault.name, []).append(fault)
        costliest = sorted(faults.values(), key=loss, reverse=True)
        return "\n".join(self._line(component) for component in costliest[:LINES])

    def _line(self, faults: Sequence[Fault]) -> str:
        count = len(self._cases)
        mean = 1 - loss(faults) / count
        return f"{faults[0].name}: below 1 in {len(faults)} of {count} cases, mean {mean:.2f}; {in_common(faults)}"


def faults_in(feedback: str) -> list[Fault]:
    """Read the faults out of a feedback, one for each component; what does not look like one is passed over."""
    lines = FAULT.finditer(sendable(feedback, LONGEST_FEEDBACK))
    found = {line[1]: Fault(line[1], min(1.0, float(line[2])), general(line[3])) for line in lines}
    return list(found.values())


def loss(faults: Sequence[Fault]) -> float:
    """Return how far the faults are from 1 together."""
    return sum(1 - fault.value for fault in faults)


def general(message: str) -> str:
    """Cut out of a message what belongs to its row alone."""
    return shortened(QUOTED.sub("'...'", re.split(r"[.;] Right:", message)[0]), LONGEST_MESSAGE)


def in_common(faults: Sequence[Fault]) -> str:
    """Say what the commonest kind of message has to say, numbers as their means; the last message if all are different."""
    kinds = Counter(NUMBER.sub("\0", fault.message) for fault in faults)
    kind, times = kinds.most_common(1)[0]
    if times == 1:
        return f"last: {faults[-1].message}"
    alike = [fault.message for fault in faults if NUMBER.sub("\0", fault.message) == kind]
    numbers = [[float(number) for number in NUMBER.findall(message)] for message in alike]
    means = iter([sum(column) / len(alike) for column in zip(*numbers, strict=True)])
    return ("on average " if "\0" in kind else "often: ") + NUMBER.sub(lambda _: f"{round(next(means), 1):g}", alike[-1])

"""Summarizes feedback over many cases: which component fails how often, by how much, in which direction.

Input      feedback as `metrics.score.composite` writes it: "name 0.42: message" per line, or "Perfect.".
Output     at most three lines, the costliest component first, such as
           "steps: below 1 in 7 of 9 cases, mean 0.62; on average 4.8 tasks where 2.3 reach the goal: too long".
Guarantees a case that is seen again replaces what was known about it, so a summary changes only with new information.
           Text after "Right:" and in quotes belongs to one row: it is left out.
"""

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from dspy_programs.text import sendable, shortened

PERFECT = "Perfect."
_LONGEST_FEEDBACK = 4000  # characters read of one feedback
_LONGEST_MESSAGE = 120
LINES = 3
_FAULT = re.compile(r"^(\w{1,40}) ([01]\.\d\d): (.+)$", re.MULTILINE | re.ASCII)
NUMBER = re.compile(r"(?<![\w.])[0-9]{1,9}(?:\.[0-9]{1,9})?(?!\w)")
QUOTED = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|\"[^\"\n]*\"")


class Fault(NamedTuple):
    """One line of feedback: the component, its value in [0, 1], and the metric's message."""

    name: str
    value: float
    message: str


class FeedbackSummary:
    """The faults of every case seen. Give it train cases only: its summary is shown to the reflection model."""

    def __init__(self) -> None:
        self._cases: dict[Hashable, list[Fault]] = {}

    def add(self, case: Hashable, feedback: str) -> None:
        """Store the latest feedback for this case."""
        self._cases[case] = faults_in(feedback)

    def summary(self) -> str:
        """Return at most three lines; "" if nothing has failed yet."""
        faults: dict[str, list[Fault]] = {}
        for fault in (fault for case in self._cases.values() for fault in case):
            faults.setdefault(fault.name, []).append(fault)
        costliest = sorted(faults.values(), key=loss, reverse=True)
        return "\n".join(self._line(component) for component in costliest[:LINES])

    def _line(self, faults: Sequence[Fault]) -> str:
        count = len(self._cases)
        mean = 1 - loss(faults) / count
        return f"{faults[0].name}: below 1 in {len(faults)} of {count} cases, mean {mean:.2f}; {_in_common(faults)}"


def faults_in(feedback: str) -> list[Fault]:
    """Parse the faults in a feedback, one per component; other lines are skipped."""
    lines = _FAULT.finditer(sendable(feedback, _LONGEST_FEEDBACK))
    found = {line[1]: Fault(line[1], min(1.0, float(line[2])), general(line[3])) for line in lines}
    return list(found.values())


def loss(faults: Sequence[Fault]) -> float:
    """Return the faults' total distance from 1."""
    return sum(1 - fault.value for fault in faults)


def general(message: str) -> str:
    """Remove from a message what belongs only to its row."""
    return shortened(QUOTED.sub("'...'", re.split(r"[.;] Right:", message)[0]), _LONGEST_MESSAGE)


def _in_common(faults: Sequence[Fault]) -> str:
    """Return the most common kind of message, with numbers as means; the last message if all differ."""
    kinds = Counter(NUMBER.sub("\0", fault.message) for fault in faults)
    kind, times = kinds.most_common(1)[0]
    if times == 1:
        return f"last: {faults[-1].message}"
    alike = [fault.message for fault in faults if NUMBER.sub("\0", fault.message) == kind]
    numbers = [[float(number) for number in NUMBER.findall(message)] for message in alike]
    means = iter([sum(column) / len(alike) for column in zip(*numbers, strict=True)])
    return ("on average " if "\0" in kind else "often: ") + NUMBER.sub(lambda _: f"{round(next(means), 1):g}", alike[-1])

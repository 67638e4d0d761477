"""What a trace gives: rows with a label, rows with feedback instead of one, and what was left out, each with its reason."""

from dataclasses import dataclass, field
from typing import Any, Literal

from dspy_programs.programs.failure_judge import View
from dspy_programs.types import Trace
from optimizers.harvesting.menu import Definition, Menu
from optimizers.harvesting.outcome import Outcome

Label = Literal["observed", "corrected", "guess"]
"""observed: what a run did that went well; corrected: what mended a failed step later; guess: the judge's verdict."""


@dataclass(frozen=True)
class Run:
    """One trace as the row makers see it: redacted, with its outcome and the tools it had."""

    trace: Trace
    view: View
    outcome: Outcome
    menu: list[Definition]
    menu_from: Menu
    source: str


@dataclass(frozen=True)
class Row:
    """inputs and labels: the fields of the program's rows; turn: where in the trace; weight: in (0, 1].

    asked, given, answered: what near duplicates are judged by.
    """

    inputs: dict[str, Any]
    labels: dict[str, Any]
    turn: int
    label: Label
    weight: float
    asked: str
    answered: str
    given: str = ""


@dataclass(frozen=True)
class Failed:
    """A step that failed: inputs as in a row, what was answered, and what is wrong with that."""

    inputs: dict[str, Any]
    reply: dict[str, Any]
    feedback: str
    turn: int


@dataclass(frozen=True)
class LeftOut:
    """Why a step, or a whole run, gives no row."""

    turn: int
    reason: str


@dataclass
class Found:
    """All that one trace gives to one program."""

    rows: list[Row] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

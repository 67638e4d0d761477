"""The checks that a new pair has to pass before it is judged: those of one row, without what compares rows, and its form."""

from collections.abc import Callable, Sequence

from dspy_programs.data.checks.checker import Checker
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.data.growing.faults import faults_of
from dspy_programs.data.pair import DataPair

USUAL = ("schema", "length", "pii", "secrets", "refusals", "placeholders", "fences")


def usual_check(names: Sequence[str] = USUAL) -> Callable[[DataPair], list[str]]:
    """Return a check: a pair -> its errors and faults; warnings are let through. Raises UsageError for an unknown name."""
    checker = Checker(CheckOptions(checks=tuple(names)))

    def check(pair: DataPair) -> list[str]:
        errors = [f"{found.check}: {found.message}" for found in checker.check(pair) if found.severity == "error"]
        return errors or faults_of(pair)

    return check

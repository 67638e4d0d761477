"""What is known of how a run ended: recorded by those who ran it, or guessed by the failure judge.

A guess says so, and weighs as much as it is likely to be right; a recorded outcome weighs 1.
"""

from typing import NamedTuple

from dspy_programs.failures import FailureReport
from dspy_programs.types import FailureMode, Trace


class Outcome(NamedTuple):
    """succeeded; recorded: whether somebody recorded it; probability: of the judge's verdict, None where not measured.

    mode, turn, why: the judge's verdict on a run that failed.
    """

    succeeded: bool
    recorded: bool
    probability: float | None
    mode: FailureMode
    turn: int | None
    why: str

    @property
    def weight(self) -> float:
        """How much a row counts that rests on the outcome: 1 if it is recorded, else the probability of the guess."""
        return 1.0 if self.recorded else self.probability or 0.0

    @property
    def verdict_weight(self) -> float:
        """How much a row counts that rests on the verdict: of a recorded success 1, else its probability."""
        return 1.0 if self.recorded and self.succeeded else self.probability or 0.0

    def __str__(self) -> str:
        return f"{'recorded' if self.recorded else 'guessed'} {'success' if self.succeeded else 'failure'}"


def outcome_of(trace: Trace, report: FailureReport) -> Outcome:
    """Return the outcome; where none is recorded, the judge's verdict is one."""
    recorded = trace.is_successful is not None
    succeeded = bool(trace.is_successful) if recorded else report.classified_failure_mode == "none"
    mode: FailureMode = "none" if succeeded else report.classified_failure_mode
    turn = None if succeeded else report.first_failure_turn
    return Outcome(succeeded, recorded, report.probability, mode, turn, "" if succeeded else report.root_cause_summary)


def outcome_on_record(trace: Trace) -> Outcome:
    """Return the outcome without asking the judge: where none is recorded, it is as good as none."""
    succeeded = bool(trace.is_successful)
    return Outcome(succeeded, trace.is_successful is not None, None, "none" if succeeded else "UNKNOWN", None, "")

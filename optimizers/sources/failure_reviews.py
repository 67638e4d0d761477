"""Runs that one reader has read whole, with the verdict that the rules of the time gave and the one that is right.

Output     Review: the run, the right verdict, others that a fair reader would accept, and what was found.
Raises     DatasetError if the file is missing or malformed.
Source     datasets/failure_judge/reviewed.jsonl, see the card there. For training and validation, never for a test.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from dspy_programs.errors import DatasetError
from dspy_programs.tables import rows_in
from dspy_programs.types import FailureMode, Trace
from optimizers.data import data_directory

ENDS: frozenset[FailureMode] = frozenset({"NO_ANSWER", "CRASH", "UNKNOWN", "none"})
"""Modes that say how a run ended, so that no turn has to be named."""


class Verdict(BaseModel):
    mode: FailureMode
    turn: int | None = None


class Found(Verdict):
    """What the rules of commit 1af5167 said, the outcome unknown to them."""

    confidence: float
    evidence: str


class Review(BaseModel):
    """One reading. found: None for a failed run in which the rules saw nothing. also: verdicts that are right as well.

    agrees: whether `found` is the verdict or one of `also`. points_at_fault: whether what it says is true of the run, even
    if it is not why the run failed; None if nothing was found. cause: the words of the run that show the fault.
    """

    id: str
    split: Literal["train", "val"]
    source: str
    model: str
    group: str
    is_successful: bool | None
    mode: FailureMode
    turn: int | None
    cause: str
    also: list[Verdict]
    found: Found | None
    agrees: bool
    points_at_fault: bool | None
    reason: str
    trace: Trace

    def accepts(self, mode: FailureMode, turn: int | None) -> bool:
        """Whether this verdict is right for a judge that does not know the outcome."""
        if self.mode == "UNKNOWN" and mode == "none":
            return True
        right = [Verdict(mode=self.mode, turn=self.turn), *self.also]
        return any(mode == each.mode and (turn == each.turn or mode in ENDS) for each in right)


def reviews() -> list[Review]:
    """Read the shipped readings, in the order in which they were drawn."""
    return [_review(where, row) for where, _, row in rows_in(data_directory("failure_judge") / "reviewed.jsonl")]


def _review(where: str, row: Mapping[str, Any]) -> Review:
    told = {"trace_id": row.get("id"), "original_goal": row.get("goal")}
    try:
        trace = Trace.model_validate({**row, **told, "is_successful": None})
        return Review.model_validate({**row, "trace": trace})
    except ValidationError as error:
        problem = error.errors()[0]
        raise DatasetError(f"{where}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error

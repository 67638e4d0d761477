"""A failure_judge row as a demonstration: the finding that the rules doubt most, and whether the label excuses it."""

from collections.abc import Hashable
from typing import Any

import dspy

from dspy_programs.programs.failure_judge import (
    Answer,
    FailureJudge,
    Finding,
    View,
    doubt_in,
    findings_of,
    question_of,
    ruling,
)
from dspy_programs.types import Trace


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show a row as the judge's predictor should have answered it; {} if the model is not asked, or the label does not say."""
    trace, finding = _in_doubt(row)
    answer = None if finding is None else _answer(row, finding)
    if finding is None or answer is None:
        return {}
    return {"confirm": {**question_of(trace, finding, FailureJudge().window), "answer": answer}}


def question_asked(row: dspy.Example) -> Hashable:
    """Return the mode that the model is asked about, and the label's answer; None if the rules are sure."""
    _, finding = _in_doubt(row)
    return finding and (finding.mode, _answer(row, finding))


def _in_doubt(row: dspy.Example) -> tuple[Trace, Finding | None]:
    fields = {"original_goal": row.goal, "turns": row.turns, "final_result": row.final_result, "tools": row.tools}
    trace = Trace.model_validate({**fields, "is_successful": row.is_successful, "error": row.get("error")})
    findings = findings_of(View(trace))
    return trace, doubt_in(findings, ruling(findings, trace.is_successful))


def _answer(row: dspy.Example, finding: Finding) -> Answer | None:
    """Return whether the label excuses a finding: in a run that failed in another way it may still be true, so nothing."""
    right = [(row.mode, row.turn), *((other.mode, other.turn) for other in row.get("also") or [])]
    if any(mode == finding.mode and turn in (None, *finding.turns) for mode, turn in right):
        return "no"
    return "yes" if row.mode == "none" else None

"""A failure_judge row as a demonstration: the labelled mode and turn, and the cause in a few words."""

from typing import Any

import dspy

from dspy_programs.programs.failure_judge import FailureJudge, View, findings_of
from dspy_programs.text import shortened
from dspy_programs.types import Trace

_NAMELESS = {
    "none": "nothing failed",
    "OVER_REFUSAL": "refused a plain request",
    "HALLUCINATION": "claimed without any call",
}  # the cause in a demonstration whose label has none


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show a row as the judge's one predictor would have answered it."""
    trace = Trace(original_goal=row.goal, turns=row.turns, final_result=row.final_result, tools=row.tools)
    findings = findings_of(View(trace))
    inputs, _ = FailureJudge().model_inputs(row.goal, row.turns, row.final_result, findings)
    turn = -1 if row.turn is None else row.turn
    cause = shortened(row.cause or _NAMELESS.get(row.mode, ""), 90)
    return {"judge": {**inputs, "verdict": {"mode": row.mode, "turn": turn, "cause": cause}}}

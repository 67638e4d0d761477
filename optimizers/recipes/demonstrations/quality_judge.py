"""A quality_judge row as demonstrations: one response scored, two compared, from people's verdict."""

from typing import Any

import dspy

from dspy_programs.programs.quality_judge import BEST, quoted_text, scores_by_checks, worst_fault
from dspy_programs.rubric import rubric_of

_BASE = {"first": 0.75, "tie": 0.5, "second": 0.25}  # of the scale, for the first response
_LETTERS = {"first": "A", "second": "B"}  # of two responses shown in the row's order
_SPREAD = 0.5  # of the scale, by which the checks move a criterion's score away from that


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show the row as the judge's two predictors would have done it: its first response scored, its two compared.

    People said which response is better, not why nor by how much: the scores are made up from their verdict, moved up
    and down for each criterion by the checks; so are the reasons. Of two that people found as good, the letter is the
    checks'.
    """
    rubric = rubric_of(row.rubric)
    asked = f"{row.instruction}\n{row.input}"
    shares = scores_by_checks(asked, row.response, rubric)
    scores = [
        {"criterion": name, "score": round(1 + (BEST - 1) * (_BASE[row.verdict] + _SPREAD * (share - 0.5)))}
        for name, share in shares.items()
    ]
    fault = worst_fault(asked, row.response) or "misses a part of what was asked"
    reason = "does what was asked, in full" if row.verdict == "first" else fault
    inputs = {
        "criteria": [criterion.model_dump() for criterion in rubric.criteria],
        "instruction": quoted_text(row.instruction),
        "input": quoted_text(row.input),
    }
    response, other = quoted_text(row.response), quoted_text(row.other)
    first_by_checks = rubric.overall(shares) >= rubric.overall(scores_by_checks(asked, row.other, rubric))
    letter = _LETTERS.get(row.verdict) or ("A" if first_by_checks else "B")
    return {
        "score": {**inputs, "response": response, "judgement": {"reason": reason, "scores": scores}},
        "compare": {**inputs, "response_a": response, "response_b": other, "better": letter},
    }

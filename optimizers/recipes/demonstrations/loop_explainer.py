"""A loop_explainer row as a demonstration: the linter's own explanation, and the rewrite that the row knows."""

from collections.abc import Sequence
from typing import Any

import dspy

from dspy_programs.lint_loops import BY_NAME, explain_by_rules


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show the row as the program's predictor should have answered it."""
    suggestion, types, keeps = _given(row)
    pattern = BY_NAME[row.pattern]
    explanation = explain_by_rules(row.code, pattern, suggestion, types, keeps).explanation
    inputs = {"code": row.code, "pattern": pattern.name, "suggestion": suggestion, "types": types, "keeps": keeps}
    return {"explain": {**inputs, "reply": {"explanation": explanation, "rewrite": row.rewrite}}}


def faults_of(row: dspy.Example) -> Sequence[str]:
    """Report a pattern that is none."""
    return [] if row.pattern in BY_NAME else [f"the pattern {row.pattern!r}, which is none of the linter's"]


def _given(row: dspy.Example) -> tuple[str, dict[str, str], list[str]]:
    """Return the inputs that a row of one's own may leave out."""
    return row.get("suggestion") or "", dict(row.get("types") or {}), list(row.get("keeps") or ())

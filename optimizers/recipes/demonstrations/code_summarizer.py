"""A code_summarizer row as a demonstration: the summary that its authors wrote."""

from typing import Any

import dspy


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show the row as the program's predictor should have answered it; a row of one's own may have no summary."""
    if not (reference := row.get("reference")):
        return {}
    return {"summarize": {"code": row.code, "ask": row.get("ask") or "", "reply": {"summary": reference}}}

"""A log_context row as a demonstration: the answer that is known, with the lines that prove it."""

from typing import Any

import dspy


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show the row as the program's predictor should have answered it; a row of one's own may have no answer."""
    answer, evidence = row.get("answer"), list(row.get("evidence") or ())
    if not answer or (row.key_points_keywords and not evidence):
        return {}
    reply = {"context": answer, "key_points": evidence}
    return {"explain": {"task": row.task, "logs": row.logs, "reply": reply}}

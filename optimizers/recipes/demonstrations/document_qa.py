"""A document_qa row as a demonstration: the sentence that says the answer, then the answer; both empty without one."""

from typing import Any

import dspy


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show the row as the program's predictor should have answered it."""
    answer = min(row.answers, key=len, default="")
    reply = {"quote": row.evidence, "answer": answer}
    return {"answer": {"document": row.document, "question": row.question, "reply": reply}}

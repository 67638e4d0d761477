"""A code_editor row as a demonstration: the edits between its code and the right code, and what was wrong."""

from typing import Any

import dspy

from dspy_programs.edits import edits_between
from dspy_programs.programs.code_editor import answer_by_rules, files_shown


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show the row as the program's predictor should have answered it; nothing if its right code is not known."""
    code, fixed = dict(row.code), dict(row.get("fixed") or {})
    edits = [edit.model_dump() for path in fixed for edit in edits_between(path, code.get(path, ""), fixed[path])]
    if not edits:
        return {}
    why = row.get("why") or f"`{_first_changed(edits[0])}` is wrong."
    inputs = {"task": row.task, "files": files_shown(code), "feedback": row.get("feedback") or ""}
    return {"edit": {**inputs, "reply": {"why": why, "edits": edits}}}


def _first_changed(edit: dict[str, str]) -> str:
    """Return the first line that an edit changes."""
    kept = set(edit["new"].splitlines())
    lines = edit["old"].splitlines() or edit["new"].splitlines()
    return next((line for line in lines if line not in kept), lines[0]).strip()


def asks(row: dspy.Example) -> bool:
    """Return whether a row is put to a model: not if the rules are sure of their edits."""
    return not answer_by_rules(row.task, dict(row.code), row.get("feedback") or "").edits

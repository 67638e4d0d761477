"""Where a row or a failed step is from, and how far to trust it."""

import re
from typing import Any

from optimizers.harvesting.row import Failed, Row, Run
from optimizers.harvesting.store import number_of, split_of

_DIGITS = re.compile(r"\d+")


def goal_key(goal: str) -> str:
    """Return a goal without what two requests of one form differ in: numbers, case and spaces."""
    return " ".join(_DIGITS.sub("0", goal.lower()).split())


def id_of(run: Run, turn: int, content: Any) -> str:
    """Return an id: the trace's, the turn, and a digest of what the row or step consists of."""
    return f"{(run.trace.trace_id or 'run')[:60]}-{turn}-{number_of(content) & 0xFFFFFFFF:08x}"


def provenance_of(run: Run, row: Row, secrets: int) -> dict[str, Any]:
    """Say where a row is from, and how far to trust its label."""
    return {**_origin(run, row.turn, secrets), "label": row.label, "weight": round(row.weight, 3)}


def failed_line(run: Run, step: Failed, number: int, secrets: int) -> dict[str, Any]:
    """Return a line of failures.jsonl."""
    id_ = id_of(run, step.turn, [run.source, number, step.reply])
    line = {"id": id_, "inputs": step.inputs, "reply": step.reply, "feedback": step.feedback}
    return {**line, "provenance": _origin(run, step.turn, secrets), "split": split_of(goal_key(run.trace.original_goal))}


def _origin(run: Run, turn: int, secrets: int) -> dict[str, Any]:
    outcome = run.outcome
    return {
        "trace": run.trace.trace_id,
        "source": run.source,
        "turn": turn,
        "outcome": str(outcome),
        "verdict": outcome.mode,
        "probability": outcome.probability,
        "menu": run.menu_from,
        "redacted": secrets,
    }

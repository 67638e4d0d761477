"""An orchestrator row as a demonstration: the first of the right calls, with the reason for its tool."""

from collections.abc import Sequence
from typing import Any

import dspy

from dspy_programs.programs.orchestrator import REPOSITORY_TOOLS, WHEN
from metrics.actor import one_call

_PATHS = 12  # of a listing that a demonstration shows


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show the row as the program's predictor should have answered it; the tools are left out, for every call shows them."""
    call = one_call(row.calls[0]) if row.calls else None
    choice = {"why": WHEN.get(call.tool if call else "", "it fits"), "calls": [call.model_dump()] if call else []}
    return {"choose": {"workspace": _shown(row, choice), "logs": row.get("logs") or "", "query": row.query, "choice": choice}}


def _shown(row: dspy.Example, choice: dict[str, Any]) -> str:
    """Return the lines of the listing that the choice names, and the first others."""
    lines = row.workspace.splitlines()
    named = [line for line in lines if line.strip("/") in str(choice["calls"])]
    kept = {*named, *[line for line in lines if line not in named][: max(0, _PATHS - len(named))]}
    return "\n".join(line for line in lines if line in kept)


def faults_of(row: dspy.Example) -> Sequence[str]:
    """Report calls of tools that the program does not have."""
    known = {tool.name for tool in REPOSITORY_TOOLS}
    return [f"the call of {call.tool!r}, which is not one of the tools" for call in row.calls if call.tool not in known]

"""An actor row as a demonstration: the labelled calls, or the refusal where there are none."""

from typing import Any

import dspy

from dspy_programs.programs.actor import NO_TOOL, as_lines, as_text
from metrics.actor import one_call


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show a row as the actor's one predictor would have answered it. The reason for "cannot" is invented: none is labelled."""
    calls = [one_call(call).model_dump() for call in row.calls]
    action = {"calls": calls, "cannot": "" if calls else NO_TOOL}
    tools = [tool.model_dump() for tool in row.tools]
    said, done = as_lines(row.context), as_lines(as_text(row.trajectory))
    lines = {"said": [line.root for line in said], "done": [line.root for line in done]}
    return {"act": {"tools": tools, **lines, "task": row.task, "action": action}}

"""Calls that fail again and again: by them a run sees that a new plan is the old one in other words."""

from collections.abc import Mapping, Sequence

from dspy_programs.agent.acting.calls import failed
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.types import Turn


def failing_calls(turns: Sequence[Turn], tools: Mapping[str, AgentTool]) -> set[str]:
    """Return the calls of a task that failed and that no change came after, each with its error."""
    calls = set[str]()
    for turn in turns:
        tool = tools.get(turn.tool_name or "")
        if turn.tool_name and failed(turn.tool_output):
            calls.add(f"{turn.tool_name} {turn.tool_input}: {turn.tool_output}")
        elif tool is not None and tool.effect != "reads":
            calls.clear()
    return calls

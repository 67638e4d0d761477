"""The ways in which an agent runs: by rules only; on a model with uncompiled programs, and with compiled ones; without scripts.

Without scripts the planner and the actors do everything: as on a machine that has no sandbox.
"""

from collections.abc import Callable, Sequence
from typing import Any

import dspy

from dspy_programs.agent import Agent, AgentTool, Limits
from dspy_programs.agent.scripts.script import TOOL as SCRIPT
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.agent.workspace.workspace import Workspace
from tests.agent_tasks.runs import Room, Start, Used

_PERMISSION = "May I call"  # not a question about the task; what is outside the workspace is denied without one
WAYS = ("rules", "uncompiled", "compiled", "uncompiled-calls", "compiled-calls")


def starting(
    way: str, lm: dspy.LM | None, seconds: float, tools: Callable[[Any], Sequence[AgentTool] | None] = lambda case: None
) -> Start:
    """Return what runs a case in a way. tools: the case's own; None for those of a workspace."""

    def start(case: Any, room: Room) -> Used:
        own = tools(case)
        if way.endswith("calls") and own is None:
            own = [tool for tool in default_tools(Workspace(room.root)) if tool.name != SCRIPT]
        agent = Agent(
            tools=own,
            lm=None if way == "rules" else lm,
            workspace=room.root,
            limits=Limits(seconds=seconds),
            compiled=way.startswith("compiled"),
            ask=lambda question: "yes" if question.startswith(_PERMISSION) else room.ask(question),
            on_event=room.on_event,
            traces=room.traces,
        )
        result = agent.run(case.goal)
        cost = result.cost
        return Used(
            outcome=result.outcome,
            stopped_by=result.stopped_by,
            why=result.why,
            model_calls=cost.model_calls,
            tool_calls=cost.tool_calls,
            input_tokens=cost.input_tokens,
            output_tokens=cost.output_tokens,
            answer=result.answer,
        )

    return start

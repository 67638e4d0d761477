"""A planner row as a demonstration: the labelled plan, and those tools that it needs."""

from typing import Any

import dspy

from dspy_programs.text import shortened

_TOOLS_SHOWN = 4
_LONGEST_DESCRIPTION = 60  # characters


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show a row as the planner's one predictor would have answered it, with fewer and shorter tools: they take the most space.

    Success criteria, which no row labels, are left out if empty: invented ones would be copied.
    """
    tasks = [
        {
            "id": task.id,
            "tool": task.tool,
            "title": shortened(task.title, 60),
            "depends_on": task.depends_on,
            **({"success_criterion": shortened(task.success_criterion, 40)} if task.success_criterion else {}),
        }
        for task in row.tasks
    ]
    rationale = shortened("; ".join(task.title for task in row.tasks), 80)
    used = {task.tool for task in row.tasks}
    spare = [tool.name for tool in row.tools if tool.name not in used][: max(0, _TOOLS_SHOWN - len(used))]
    tools = [
        {"name": tool.name, "description": shortened(tool.description, _LONGEST_DESCRIPTION)}
        for tool in row.tools
        if tool.name in used or tool.name in spare
    ]
    plan = {"rationale": rationale, "tasks": tasks}
    return {"plan": {"tools": tools, "progress": row.progress, "goal": row.goal, "plan": plan}}

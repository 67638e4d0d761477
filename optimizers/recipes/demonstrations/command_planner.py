"""A command_planner row as a demonstration: the plan of the rules where it has all that the row asks for."""

from typing import Any

import dspy

from dspy_programs.programs.command_planner import planned_by_rules
from metrics.command_planner import commands_cover


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show the row as the program's predictor should have answered it; where the rules fail, in the keywords of the row."""
    context = row.get("context") or ""
    planned = planned_by_rules(row.task, context)
    found = dspy.Prediction(plan=planned.plan, commands=planned.commands, failure=None)
    if commands_cover(row, found).value == 1.0:
        plan, commands = planned.plan, planned.commands
    else:
        plan, commands = [first(keyword) for keyword in row.plan_keywords], [first(word) for word in row.commands_keywords]
    return {"plan": {"context": context, "task": row.task, "reply": {"plan": plan[:6], "commands": commands[:6]}}}


def first(keyword: str) -> str:
    return keyword.partition("|")[0]

"""From a goal and tools to ordered tasks."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.planner.goal_splitter import plan_by_rules as plan_by_rules, split_goal as split_goal
    from dspy_programs.programs.planner.planner import (
        BY_RULES as BY_RULES,
        MOST_TASKS as MOST_TASKS,
        Plan as Plan,
        Planner as Planner,
        PlannerResult as PlannerResult,
    )

_HOMES = {
    "BY_RULES": "planner",
    "MOST_TASKS": "planner",
    "Plan": "planner",
    "Planner": "planner",
    "PlannerResult": "planner",
    "plan_by_rules": "goal_splitter",
    "split_goal": "goal_splitter",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

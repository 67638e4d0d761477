"""From a goal and tools to ordered tasks."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.planner.planner import (
        MOST_TASKS as MOST_TASKS,
        Plan as Plan,
        Planner as Planner,
        PlannerResult as PlannerResult,
    )

_HOMES = {
    "MOST_TASKS": "planner",
    "Plan": "planner",
    "Planner": "planner",
    "PlannerResult": "planner",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

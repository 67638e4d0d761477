"""From a developer's task in a repository to steps and the shell commands for them; what is dangerous is marked."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.command_planner.command_planner import (
        CommandPlanner as CommandPlanner,
        CommandPlannerResult as CommandPlannerResult,
    )
    from dspy_programs.programs.command_planner.planned import Planned as Planned, planned_by_rules as planned_by_rules

_HOMES = {
    "CommandPlanner": "command_planner",
    "CommandPlannerResult": "command_planner",
    "Planned": "planned",
    "planned_by_rules": "planned",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""Break a goal into a few ordered tasks that reach it, each with the one tool that does it.

Calls      one; none without a language model, then the rules of goal_splitter.py answer.
Source     task and data: UltraTool (Huang et al. 2024) as prepared by GNN4TaskPlan (Wu et al. 2024).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self

import dspy
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure, FewShot, Program, Result, ask
from dspy_programs.types import Task, Tool, ToolDefinitions, plan_problems, read_tools

MOST_TASKS = 6
BY_RULES = "one task for each clause of the goal"  # the rationale of a plan by rules

# What a model writes has bounds, because every token takes time and an unbounded string may never end. These two have
# no docstrings: a docstring would be a part of the prompt.


class DraftTask(Task):
    id: int = Field(ge=1, le=6)
    title: str = Field(min_length=1, max_length=60)
    depends_on: list[Annotated[int, Field(ge=1, le=6)]] = Field(max_length=5)
    success_criterion: str = Field(max_length=40)


class DraftPlan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rationale: str = Field(max_length=80, description="the actions the goal asks for, in a few words")
    tasks: list[DraftTask] = Field(min_length=1, max_length=MOST_TASKS)


class Plan(BaseModel):
    """A plan that can be run. Validate with `context={"tools": [names]}` to hold the tools to those on offer."""

    tasks: list[Task]

    @model_validator(mode="after")
    def can_be_run(self, info: ValidationInfo) -> Self:
        names = (info.context or {}).get("tools", [task.tool for task in self.tasks])
        if problems := plan_problems(self.tasks, names):
            raise ValueError("; ".join(problems))
        return self


class PlanTasks(dspy.Signature):
    """Break the goal into the fewest tasks that reach it, in the order they must run, one tool for each task. Use only the tools the goal needs: most goals need two, some three. Add no task that only checks, confirms or repeats."""  # noqa: E501

    tools: list[Tool] = dspy.InputField(desc="the tools on offer; most are not needed")
    progress: str = dspy.InputField(desc="what is already done; empty at the start")
    goal: str = dspy.InputField(desc="what the user wants")
    plan: DraftPlan = dspy.OutputField(desc="one task for each action; depends_on lists the ids that must end first")


class PlannerResult(Result):
    """A plan, and whether it can be run."""

    tasks: list[Task]
    """The tasks in the order they run, at most 6 from a model and 8 from the rules."""
    rationale: str
    """Why these tasks, in at most 80 characters."""
    problems: list[str]
    """What keeps the plan from being run, one sentence each: a cycle, a tool that is not on offer. Empty for a valid plan."""


class Planner(Program):
    """Plan once, in one call."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = FewShot(PlanTasks, by=["goal"])

    def forward(self, goal: str, tools: ToolDefinitions = (), progress: str = "") -> PlannerResult:
        """Break a goal into the few ordered tasks that reach it.

        Args:
            goal: What the user wants, in their words.
            tools: The offered tools, up to 50, in any form that OpenAI, Anthropic, MCP, LangChain or OpenAPI use.
            progress: What is already done, in words; "" at the start.

        Returns:
            The tasks; `problems` is empty if the plan can be run.

        Raises:
            ValueError: A tool has no name or no readable schema.
            ModelLost: This thread cannot see the model that another thread chose with `use`.
        """
        offered = read_tools(tools)
        if model_in_use(self.plan.lm) is None:
            return _by_rules(goal, offered, progress)
        reply = ask(self.plan, tools=offered, progress=progress, goal=goal)
        if isinstance(reply, Failure):
            return _by_rules(goal, offered, progress, failure=reply)
        tasks = [Task.model_validate(task.model_dump()) for task in reply.plan.tasks]
        return PlannerResult(
            tasks=tasks,
            rationale=reply.plan.rationale,
            problems=plan_problems(tasks, [tool.name for tool in offered]),
            answered_by="model",
            failure=None,
        )

    if TYPE_CHECKING:
        __call__ = forward


def _by_rules(goal: str, tools: Sequence[Tool], progress: str, failure: Failure | None = None) -> PlannerResult:
    from dspy_programs.programs.planner.goal_splitter import (
        plan_by_rules,  # here: its patterns take a tenth of a second to compile
    )

    tasks = plan_by_rules(goal, tools, progress)
    return PlannerResult(
        tasks=tasks,
        rationale=BY_RULES,
        problems=plan_problems(tasks, [tool.name for tool in tools]),
        answered_by="rules",
        failure=failure,
    )

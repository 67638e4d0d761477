"""The types that several programs share: tools, the tasks of a plan, and what makes a plan valid."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field


class Tool(BaseModel):
    """Something an agent can call."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    description: str = Field(default="", max_length=2000)

    def __str__(self) -> str:
        return f"{self.name}: {self.description}" if self.description else self.name


class Task(BaseModel):
    """One step of a plan. `depends_on` names the ids of tasks that must end first; `tool` is "" where none is needed."""

    model_config = ConfigDict(extra="forbid")

    id: int = Field(ge=1, le=20)
    tool: str = Field(max_length=100, json_schema_extra={"one_of": "tools"})  # see lm/adapter.py
    title: str = Field(min_length=1, max_length=300)
    depends_on: list[int] = Field(default_factory=list, max_length=20)
    success_criterion: str = Field(default="", max_length=300)


def plan_problems(tasks: Sequence[Task], tool_names: Iterable[str]) -> list[str]:
    """Say what is wrong with a plan, one sentence each; an empty list means that it can be run.

    Holds      ids are unique; every dependency exists; nothing waits for itself, not even through others;
               every tool is in `tool_names` (with no tools at all, every `tool` is "").
    """
    ids = [task.id for task in tasks]
    known, allowed = set(ids), set(tool_names) or {""}
    problems = [f"the id {id_} is used {ids.count(id_)} times" for id_ in sorted(known) if ids.count(id_) > 1]
    for task in tasks:
        problems += [f"task {task.id} depends on {d}, which does not exist" for d in task.depends_on if d not in known]
        if task.tool not in allowed:
            problems.append(f"task {task.id} uses {task.tool!r}, which is not one of the tools")
    if waiting := tasks_in_a_cycle(tasks):
        problems.append(f"tasks {', '.join(map(str, waiting))} wait for each other")
    return problems


def tasks_in_a_cycle(tasks: Sequence[Task]) -> list[int]:
    """Return the ids, in order, of the tasks that can never start because they wait for each other (Kahn 1962)."""
    waits_for: dict[int, set[int]] = {}
    for task in tasks:
        waits_for.setdefault(task.id, set()).update(task.depends_on)
    waits_for = {id_: deps & waits_for.keys() for id_, deps in waits_for.items()}
    while ready := {id_ for id_, deps in waits_for.items() if not deps}:
        waits_for = {id_: deps - ready for id_, deps in waits_for.items() if id_ not in ready}
    return sorted(waits_for)

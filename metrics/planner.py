"""Does a plan name the right tools, in the right order, in an executable graph, without padding?

Input      gold: Example with `tools` (those on offer) and `tasks` (the reference plan, a chain or any DAG);
           pred: a Planner's Prediction (`tasks`, `failure`, `answered_by`). Any field may be missing or malformed.
Output     Score: tools, order, graph, steps, format, each in [0, 1], and a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0; 1.0 exactly for the reference itself.
Source     tool and link F1 as in TaskBench (Shen et al. 2023) and UltraTool (Huang et al. 2024).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import dspy

from dspy_programs.text import f1
from dspy_programs.types import Task, plan_problems
from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"tools": 0.5, "order": 0.25, "graph": 0.05, "steps": 0.1, "format": 0.1}


def plan_matches(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score a plan against the reference plan."""
    wanted = _tasks_of(gold)
    tasks = _tasks_of(pred)
    failure = getattr(pred, "failure", None)
    if failure is not None or not tasks:
        return unreadable(WEIGHTS, pred, "a plan", "there is no task in it", outline(wanted))
    names = [tool_name(tool) for tool in getattr(gold, "tools", None) or []]
    return composite(
        [
            _tools_component(wanted, tasks),
            _order_component(wanted, tasks),
            _graph_component(tasks, names),
            _steps_component(wanted, tasks),
            Component("format", 1.0, WEIGHTS["format"]),
        ]
    )


def _tools_component(wanted: Sequence[Task], tasks: Sequence[Task]) -> Component:
    gold, found = Counter(task.tool for task in wanted), Counter(task.tool for task in tasks)
    value = f1(gold, found)
    missing, extra = sorted((gold - found).elements()), sorted((found - gold).elements())
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"not needed: {', '.join(extra)}"] if extra else []
    return Component("tools", value, WEIGHTS["tools"], f"{'; '.join(parts)}. Right: {outline(wanted)}" if parts else "")


def _order_component(wanted: Sequence[Task], tasks: Sequence[Task]) -> Component:
    """Compare which tool must precede which, through any number of steps: a chain and its closure are the same."""
    gold, found = _precedences(wanted), _precedences(tasks)
    value = f1(gold, found)
    message = ""
    if value < 1:
        lost = [f"{a} before {b}" for a, b in sorted((gold - found).elements())]
        message = f"the plan does not put {', '.join(lost)}" if lost else "tasks wait for others that they do not need"
    return Component("order", value, WEIGHTS["order"], message)


def _graph_component(tasks: Sequence[Task], names: Sequence[str]) -> Component:
    problems = plan_problems(tasks, names)
    value = 1 / (1 + len(problems))  # not a share of the tasks: padding would dilute the problems
    return Component("graph", value, WEIGHTS["graph"], "; ".join(problems))


def _steps_component(wanted: Sequence[Task], tasks: Sequence[Task]) -> Component:
    """Measure only padding. A short plan loses through its missing tools; if it lost here too, padding would pay."""
    gold, found = len(wanted), len(tasks)
    message = f"{found} tasks where {gold} reach the goal: too long" if found > gold else ""
    return Component("steps", min(1.0, gold / found), WEIGHTS["steps"], message)


def _precedences(tasks: Sequence[Task]) -> Counter[tuple[str, str]]:
    """Count (tool, later tool) for every pair of tasks where one waits for the other, directly or not."""
    by_id = {task.id: task for task in tasks}
    pairs: Counter[tuple[str, str]] = Counter()
    for task in by_id.values():
        before: set[int] = set()
        ahead = list(task.depends_on)
        while ahead:
            id_ = ahead.pop()
            if id_ in by_id and id_ not in before:
                before.add(id_)
                ahead += by_id[id_].depends_on
        pairs.update((by_id[id_].tool, task.tool) for id_ in before)
    return pairs


def _tasks_of(source: Any) -> list[Task]:
    """Read `tasks` from an example or a prediction; anything that is not a list of tasks counts as none."""
    tasks = getattr(source, "tasks", None)
    try:
        return [Task.model_validate(t if isinstance(t, dict) else t.model_dump()) for t in tasks or []]
    except (ValueError, AttributeError, TypeError):
        return []


def tool_name(tool: Any) -> str:
    return str(tool.get("name", "") if isinstance(tool, dict) else getattr(tool, "name", tool))


def outline(tasks: Sequence[Task]) -> str:
    return " -> ".join(f"{task.tool} ({task.title})" if task.title else task.tool for task in tasks)

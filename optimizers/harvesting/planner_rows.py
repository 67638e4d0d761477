"""Rows for the planner: the goal, and the steps by which a run reached it.

Labelled   runs that went well, whose goal was told at once: the working calls in order, calls of one tool in a row as one
           task, without those that repeat an earlier one. A task waits for those whose results its arguments come from,
           else for the one before it.
Failed     runs that failed: the steps that were tried, with what the judge said and where.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from dspy_programs.programs.failure_judge import changes, changes_by_name, is_empty
from dspy_programs.programs.planner import MOST_TASKS
from dspy_programs.text import shortened
from optimizers.harvesting.row import Failed, Found, LeftOut, Row, Run
from optimizers.harvesting.steps import Step, steps_of

_READ = 190  # characters of a goal in which its verbs are
_LONGEST_TITLE = 60  # characters, as a model may write
_SHORTEST_VALUE = 3  # characters of an argument that can show where it comes from
_MOST_RESULT = 20_000  # characters of a result that are searched

_CHANGE = re.compile(
    r"\b(?:chang|renam|reschedul|reassign|postpon|push|shift|drop|clear|replac|append|increas|reduc|delet|remov|cancel|mov|"
    r"get rid|creat|updat|assign|forward|repl(?:y|ied)|add(?:ed)?\b|sen[dt]\b)"
)
_IF = re.compile(r"\b(?:if|unless|in case)\b", re.IGNORECASE)

Group = list[Step]


def planner_rows(run: Run) -> Found:
    """Return what a run gives to the planner."""
    found = Found()
    steps = steps_of(run.view)
    goal = run.trace.original_goal.strip()
    if reason := _unfit(run, steps, goal):
        found.left_out.append(LeftOut(run.outcome.turn or 0, reason))
    else:
        tasks = tasks_of(_groups([step for step in steps if _helped(step)]), goal)
        if len(tasks) > MOST_TASKS:
            found.left_out.append(LeftOut(0, f"{len(tasks)} steps, and a plan has at most {MOST_TASKS} tasks"))
        else:
            answered = json.dumps([[task["tool"], task["title"]] for task in tasks], ensure_ascii=False)
            weight = run.outcome.weight
            found.rows.append(Row(_inputs(run, goal), {"tasks": tasks}, steps[0].turn, "observed", weight, goal, answered))
    if steps and goal and not run.outcome.succeeded:
        found.failed.append(_failed(run, steps, goal))
    return found


def _unfit(run: Run, steps: Sequence[Step], goal: str) -> str:
    if not run.outcome.succeeded:
        return f"the run failed ({run.outcome}): its steps are no plan"
    if not goal:
        return "the run does not say what was asked"
    if not any(map(_helped, steps)):
        return "no call of the run worked"
    if _IF.search(goal):
        return "the goal has a condition: what it takes depends on what is found"
    looks = all(changes_by_name(call.name) is False for call in run.view.calls if not call.fault)
    if looks and asks_for_change(goal):
        return "the goal asks for a change, and the run only looks things up"
    first = steps[0].place
    if any(turn.role == "user" and turn.content.strip() for turn in run.view.turns[first:]):
        return "the user said more after the first call: the goal alone does not call for these steps"
    if sum(turn.role == "user" and bool(turn.content.strip()) for turn in run.view.turns[:first]) > 1:
        return "the goal was told over several turns"
    return ""


def _helped(step: Step) -> bool:
    """Return whether a step is a part of a plan: it worked, and a look-up found something."""
    text = step.result if isinstance(step.result, str) else json.dumps(step.result)
    found = changes_by_name(step.tool) is True or not is_empty(text)
    return not step.fault and step.arguments is not None and found


def asks_for_change(goal: str) -> bool:
    """Return whether a goal has a verb of change in it."""
    return changes(goal[:_READ]) or bool(_CHANGE.search(goal[:_READ].lower()))


def _inputs(run: Run, goal: str) -> dict[str, Any]:
    tools = [{"name": tool["name"], "description": tool["description"]} for tool in run.menu]
    return {"goal": goal, "tools": tools, "progress": ""}


def _groups(steps: Sequence[Step]) -> list[Group]:
    """Put calls of one tool in a row together, and leave out those made before with the same arguments."""
    groups: list[Group] = []
    made: list[tuple[str, Any]] = []
    for step in steps:
        if (step.tool, step.arguments) in made:
            continue
        made.append((step.tool, step.arguments))
        if groups and groups[-1][0].tool == step.tool:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def tasks_of(groups: Sequence[Group], goal: str) -> list[dict[str, Any]]:
    """Return a task for each group."""
    tasks = []
    for number, group in enumerate(groups, 1):
        waits = [at for at, other in enumerate(groups[: number - 1], 1) if _feeds(other, group, goal, groups[: at - 1])]
        task = {
            "id": number,
            "tool": group[0].tool,
            "title": title_of(group, goal),
            "depends_on": waits or [number - 1] * (number > 1),
        }
        tasks.append({**task, "success_criterion": ""})
    return tasks


def _feeds(earlier: Group, later: Group, goal: str, before: Sequence[Group]) -> bool:
    """Return whether an argument of a later group is in a result of an earlier one, and nowhere before it."""
    told = goal.lower()
    results = " ".join(_text(step.result) for step in earlier)
    older = " ".join(_text(step.result) for group in before for step in group)
    return any(
        value in results and value not in told and value not in older
        for step in later
        for value in map(str.lower, _values(step.arguments))
        if len(value) >= _SHORTEST_VALUE
    )


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:_MOST_RESULT].lower()


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value).strip()


def title_of(group: Group, goal: str) -> str:
    """Name a task by its tool and what the goal says of it: "search flights: BER, JFK". Results are not known yet."""
    name = group[0].tool.rpartition(".")[2] or group[0].tool
    words = " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])|[_.-]", " ", name).lower().split()) or name
    told = goal.lower()
    values = dict.fromkeys(value for step in group for value in _values(step.arguments))
    known = [value for value in values if len(value) >= _SHORTEST_VALUE and "\n" not in value and value.lower() in told]
    return shortened(f"{words}: {', '.join(known)}" if known else words, _LONGEST_TITLE).rstrip(" ,:")


def _failed(run: Run, steps: Sequence[Step], goal: str) -> Failed:
    tasks = tasks_of(_groups([step for step in steps if step.arguments is not None]), goal)
    outcome = run.outcome
    what = "An outcome on record says that the run failed." if outcome.recorded else "The judge takes the run for failed."
    where = "" if outcome.turn is None else f" First at turn {outcome.turn}: {outcome.mode}."
    return Failed(_inputs(run, goal), {"tasks": tasks}, f"{what}{where} {outcome.why}".strip(), outcome.turn or 0)

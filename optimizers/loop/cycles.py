"""Cycles of the loop: run the agent, learn from its runs, run it again. Every stage that is done leaves a file.

Input      a command that runs an agent on its tasks and writes traces into the folder that the variable TRACES names; another
           that runs it on tasks for testing, which nothing is learnt from: their goals are left out of every harvest.
Output     per cycle: how many of its runs went well, and what was promoted; the test before and after. Without a test, one run
           more on the same tasks, which says less: it has learnt from them.
Guarantees a stage whose file is there is not done again, so a run that was killed goes on where it was; a run of the agent that
           was cut off is repeated in a folder of its own.
Raises     UsageError if the command fails or leaves no trace; what harvest and a round of the loop raise.
"""

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import UsageError
from dspy_programs.failures import read_traces, wilson
from optimizers.harvesting import harvest_runs
from optimizers.loop.round import Loop, one_round

_STAGES = "stages"


class Stage(NamedTuple):
    """One step of a plan; calls: model calls if all rows are needed and each takes one, None if only the agent knows."""

    name: str
    says: str
    calls: int | None


@dataclass(frozen=True)
class Improvement:
    """agent, test: the commands; loops: what each module's round works with, but for its data; cycles: how many."""

    agent: str
    test: str | None
    folder: Path
    loops: Sequence[Loop]
    cycles: int
    min_probability: float
    say: Callable[[str], None] = print


def plan(improvement: Improvement) -> list[Stage]:
    """Return every stage in order."""
    found = [Stage("first-test", f"before: {improvement.test}", None)] if improvement.test else []
    for cycle in range(1, improvement.cycles + 1):
        found.append(Stage(f"{cycle}-run", f"cycle {cycle}: {improvement.agent}", None))
        for loop in improvement.loops:
            rows = "held-back rows" if loop.rows is None else f"{loop.rows} held-back rows"
            calls = None if loop.rows is None else 2 * loop.most * loop.rows + loop.most
            says = f"cycle {cycle}: learn {loop.recipe.name}, up to {loop.most} challengers on {rows}"
            found.append(Stage(f"{cycle}-{loop.recipe.name}", says, calls))
    if improvement.test:
        return [*found, Stage("last-test", f"after: {improvement.test}", None)]
    return [*found, Stage("last-run", f"after, on the tasks that it has learnt from: {improvement.agent}", None)]


def improve_agent(improvement: Improvement) -> list[dict[str, Any]]:
    """Do every stage that is not done; return the results of all, in order."""
    results = []
    for stage in plan(improvement):
        file = improvement.folder / _STAGES / f"{stage.name}.json"
        if file.is_file():
            result = json.loads(file.read_text(encoding="utf-8"))
        else:
            cycle, _, kind = stage.name.partition("-")
            result = _run(improvement, cycle, kind) if kind in ("run", "test") else _learn(improvement, kind)
            result = {"stage": stage.name, **result}
            write_atomically(file, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        improvement.say(line_of_stage(result))
        results.append(result)
    return results


def _run(improvement: Improvement, cycle: str, kind: str) -> dict[str, Any]:
    """Run the agent; return how its runs went."""
    command = improvement.test if kind == "test" and improvement.test else improvement.agent
    tries = (improvement.folder / "traces" / f"{cycle}-{kind}-{number}" for number in itertools.count(1))
    folder = next(each for each in tries if not each.exists())
    folder.mkdir(parents=True)
    done = subprocess.run(command, shell=True, env={**os.environ, "TRACES": str(folder.resolve())}, check=False)
    if done.returncode:
        raise UsageError(f"the agent's command ended with exit code {done.returncode}: {command}")
    outcomes = [item.trace.is_successful for item in read_traces([folder]) if item.trace is not None]
    if not outcomes:
        raise UsageError(f"the agent's command left no trace in {folder}, the folder that TRACES names")
    known = [bool(outcome) for outcome in outcomes if outcome is not None]
    low, high = wilson(sum(known), len(known))
    share = sum(known) / len(known) if known else None
    return {"runs": len(outcomes), "known": len(known), "success": share, "low": low, "high": high, "traces": str(folder)}


def _learn(improvement: Improvement, module: str) -> dict[str, Any]:
    """Harvest the runs of all finished cycles, and do one round for a module."""
    loop = next(each for each in improvement.loops if each.recipe.name == module)
    finished = sorted((improvement.folder / _STAGES).glob("*-run.json"))
    traces = [json.loads(file.read_text(encoding="utf-8"))["traces"] for file in finished]
    rows = improvement.folder / "rows"
    harvest_runs(
        traces, [module], rows, min_probability=improvement.min_probability, replace=True, without=_goals_of_test(improvement)
    )
    try:
        decisions = one_round(replace(loop, data=rows / module))
    except UsageError as error:  # too few rows yet: a later cycle has more
        return {"module": module, "compared": 0, "promoted": None, "why": str(error)}
    promoted = next((each for each in decisions if each.promoted), None)
    why = decisions[-1].why if decisions else "no new challenger could be proposed"
    return {"module": module, "compared": len(decisions), "promoted": promoted and promoted.challenger.how, "why": why}


def _goals_of_test(improvement: Improvement) -> list[str]:
    file = improvement.folder / _STAGES / "first-test.json"
    if not file.is_file():
        return []
    traces = read_traces([json.loads(file.read_text(encoding="utf-8"))["traces"]])
    return [item.trace.original_goal for item in traces if item.trace is not None]


def line_of_stage(result: dict[str, Any]) -> str:
    """Describe what a stage gave."""
    if "module" in result:
        what = f"promoted: {result['promoted']}" if result["promoted"] else f"nothing promoted: {result['why']}"
        return f"{result['stage']:<20} {what}"
    told = "no outcome recorded" if result["success"] is None else f"{result['success']:.1%} went well"
    interval = "" if result["success"] is None else f" [{result['low']:.1%}, {result['high']:.1%}]"
    return f"{result['stage']:<20} {result['runs']} runs, {told}{interval}"

"""Cycles of the loop: run the agent, learn from its runs, run it again. Every stage that is done leaves a file.

Input      an agent that writes traces of its tasks; the same on tasks for testing, which nothing is learnt from: their goals
           are left out of every harvest, and nothing that is generated may be near to them.
Output     per cycle: how many runs went well, what was made and promoted, what each stage cost; a page that shows it.
Guarantees a stage whose file is there is not done again, so an improvement that was killed goes on where it was: answers paid
           for are in the stage's journal, a run of the agent that was cut off is repeated in a folder of its own. Nobody
           else works in the folder meanwhile.
Raises     UsageError if the agent fails or leaves no trace; RunMismatch for a folder of another improvement; RunLocked;
           BudgetSpent at a limit; what harvest and a round of the loop raise.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import BudgetSpent, DatasetError, RunError, RunLocked, RunMismatch, UsageError
from dspy_programs.failures import read_traces
from dspy_programs.lm import prepare
from optimizers.calls import Budget, Journal, Meter, recorded
from optimizers.data import SPLITS
from optimizers.harvesting import harvest_runs
from optimizers.loop.generation import GENERATES, Generated, generate
from optimizers.loop.log import Line, Log
from optimizers.loop.loop_rows import SHOWN_ARROWS
from optimizers.loop.measurements import runs_of
from optimizers.loop.report import SETTINGS, STAGES, write_report
from optimizers.loop.round import JOURNAL, Loop, one_round
from optimizers.loop.spending import left_of, spent_in, total_of
from optimizers.loop.stages import Improvement, Stage, plan
from optimizers.loop.winner import note_promotion

_REASONS = 4  # why runs gave no rows, the commonest
TEST_GOALS = "test-goals.jsonl"

Result = dict[str, Any]


def improve_agent(improvement: Improvement) -> list[Result]:
    """Do every stage that is not done; return the results of all, in order."""
    results: list[Result] = []
    with _alone(improvement):
        for stage in plan(improvement):
            file = improvement.folder / STAGES / f"{stage.name}.json"
            if file.is_file():
                result: Result = json.loads(file.read_text(encoding="utf-8"))
            else:
                improvement.say(f"{stage.name:<20} ... {stage.says}")
                result = _done(improvement, stage, results)
                write_atomically(file, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
                write_report(improvement.folder)
            improvement.say(line_of_stage(result))
            results.append(result)
    return results


@contextlib.contextmanager
def _alone(improvement: Improvement) -> Iterator[None]:
    """Hold the folder for this process, and refuse one that belongs to another improvement."""
    folder, settings = improvement.folder, improvement.settings()
    lock = filelock.FileLock(folder / "lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise RunLocked(f"{folder}: another process is at work here; wait for it or give another --run-dir") from error
    except OSError as error:
        raise RunError(f"{folder}: cannot be used: {error.strerror or error}; give another --run-dir") from error
    try:
        file = folder / SETTINGS
        before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else settings
        if changed := [name for name in settings if before.get(name, settings[name]) != settings[name]]:
            told = "; ".join(f"{name}: {before.get(name)} -> {settings[name]}" for name in changed)
            raise RunMismatch(f"{folder}: begun with other settings ({told}); give another --run-dir")
        write_atomically(file, json.dumps(settings, indent=1, ensure_ascii=False) + "\n")
        yield
    finally:
        lock.release()


def _done(improvement: Improvement, stage: Stage, results: Sequence[Result]) -> Result:
    """Do a stage, and return what it gave and cost."""
    began = time.monotonic()
    try:
        left = left_of(improvement.limits, total_of(results))
        given = _work(improvement, stage, results, left)
    except BudgetSpent as error:
        raise BudgetSpent(f"limit reached in stage {stage.name}: {error}") from error
    minutes = (time.monotonic() - began) / 60
    spent = spent_in(_journal(improvement, stage.kind, stage.cycle), minutes)
    return {"stage": stage.name, "cycle": stage.cycle, "kind": stage.kind, **given, "spent": spent._asdict()}


def _work(improvement: Improvement, stage: Stage, results: Sequence[Result], left: Budget) -> Result:
    if stage.kind in ("run", "test"):
        return runs_of(improvement, stage, results, left.minutes)
    if stage.kind == "harvest":
        return _harvest(improvement)
    if stage.kind == "generate":
        return _generate(improvement, stage.cycle, left)
    return _learn(improvement, stage, left)


def _harvest(improvement: Improvement) -> Result:
    """Harvest the runs of all finished cycles, and those on record."""
    goals = _goals_of_test(improvement)
    if goals:
        lines = "".join(json.dumps({"goal": goal}, ensure_ascii=False) + "\n" for goal in goals)
        write_atomically(improvement.folder / TEST_GOALS, lines.encode("utf-8", "replace"))
    finished = sorted((improvement.folder / STAGES).glob("*-run.json"))
    own = dict.fromkeys(json.loads(file.read_text(encoding="utf-8"))["traces"] for file in finished)
    done = harvest_runs(
        [*improvement.traces, *own],
        improvement.modules,
        improvement.folder / "rows",
        min_probability=improvement.min_probability,
        replace=True,
        without=goals,
        judged="judge" in improvement.arrows,
    )
    rows = {name: dict(each) for name, each in done.rows.items()}
    reasons = {name: dict(each.most_common(_REASONS)) for name, each in done.reasons.items()}
    return {"runs": done.runs, "rows": rows, "failed_steps": dict(done.failed), "left_out": reasons}


def _goals_of_test(improvement: Improvement) -> list[str]:
    file = improvement.folder / STAGES / "0-test.json"
    if not file.is_file():
        return []
    traces = read_traces([json.loads(file.read_text(encoding="utf-8"))["traces"]])
    return [item.trace.original_goal for item in traces if item.trace is not None]


def _generate(improvement: Improvement, cycle: int, left: Budget) -> Result:
    """Make new rows from the failures of the harvest."""
    path = _journal(improvement, "generate", cycle)
    path.parent.mkdir(parents=True, exist_ok=True)
    made: dict[str, Generated] = {}
    meter = Meter(limits=left)
    with contextlib.closing(Journal(path)) as journal, _telling_why(meter):
        for loop in improvement.loops:
            name = loop.recipe.name
            if name not in GENERATES:
                continue
            lm = None
            if improvement.words:
                prepare(loop.reflection)
                lm = recorded(loop.reflection, "reflection", journal, meter)
            earlier = [_generated(improvement, name, before) for before in range(1, cycle)]
            out, unseen = _generated(improvement, name, cycle), [improvement.folder / TEST_GOALS]
            data = improvement.folder / "rows" / name
            made[name] = generate(name, data, out, unseen, earlier, lm, label=f"generated-{cycle}", seed=loop.seed)
    return {"generated": {name: {**vars(each), "refused": dict(each.refused)} for name, each in made.items()}}


@contextlib.contextmanager
def _telling_why(meter: Meter) -> Iterator[None]:
    """Raise what stopped the models, a limit or a dead server, and not what DSPy makes of it."""
    try:
        yield
    except Exception:
        meter.raise_if_stopped()
        raise


def _learn(improvement: Improvement, stage: Stage, left: Budget) -> Result:
    """Do one round for a module."""
    loop = next(each for each in improvement.loops if each.recipe.name == stage.kind)
    cycles = range(1, stage.cycle + 1)
    generated = [_generated(improvement, stage.kind, cycle) for cycle in cycles]
    round_ = replace(
        loop,
        data=improvement.folder / "rows" / stage.kind,
        folder=_journal(improvement, stage.kind, stage.cycle).parent,
        limits=left,
        without=improvement.without,
        generated=[path for path in generated if path.is_file() and path.stat().st_size],
        earlier=[_journal(improvement, stage.kind, cycle) for cycle in cycles[:-1]],
        label=stage.name,
    )
    note_promotion(round_)
    if not any(arrow in improvement.arrows for arrow in (*SHOWN_ARROWS, "failures")):
        raise UsageError("--without leaves nothing to propose from")
    why = "no new challenger could be proposed"
    if not any((round_.data / f"{split}.jsonl").is_file() for split in SPLITS):
        return {"module": stage.kind, "promoted": None, "why": "the harvest gave no rows"}
    if not _promoted(round_):
        try:
            why = next((each.why for each in reversed(one_round(round_))), why)
        except (UsageError, DatasetError) as error:  # too few rows yet: a later cycle has more
            why = str(error)
    return {"module": stage.kind, "promoted": (promoted := _promoted(round_)), "why": "" if promoted else why}


def _promoted(round_: Loop) -> str | None:
    """Return what the history says that this round has put into use, in this process or in one that was killed."""
    lines = Log(round_.history).lines()
    return next((line["response"] for line in lines if _is_promotion(line) and line.get("round") == round_.label), None)


def _is_promotion(line: Line) -> bool:
    return line.get("kind") == "promoted"


def _journal(improvement: Improvement, kind: str, cycle: int) -> Path:
    return improvement.folder / "loops" / kind / str(cycle) / JOURNAL


def _generated(improvement: Improvement, module: str, cycle: int) -> Path:
    return improvement.folder / "generated" / f"{cycle}-{module}.jsonl"


def line_of_stage(result: Result) -> str:
    """Describe what a stage gave."""
    return f"{result['stage']:<20} {_told(result)}"


def _harvested(result: Result, module: str) -> str:
    """Return how many rows a harvest gave a program; if none, mostly why."""
    rows = sum(result["rows"][module].values())
    why = next(iter(result["left_out"][module]), "")
    return f"{module}: {rows}" + (f" ({why})" if why and not rows else "")


def _told(result: Result) -> str:
    if result["kind"] == "harvest":
        return f"rows from {result['runs']} runs: {', '.join(_harvested(result, name) for name in result['rows'])}"
    if result["kind"] == "generate":
        return "; ".join(
            f"{name}: {made['rows']} rows from {made['failures']} failures, {sum(made['refused'].values())} refused"
            for name, made in result["generated"].items()
        )
    if "module" in result:
        return f"promoted: {result['promoted']}" if result["promoted"] else f"nothing promoted: {result['why']}"
    same = f", as in {result['same_as']}: no program has changed since" if "same_as" in result else ""
    told = "no outcome recorded" if result["success"] is None else f"{result['success']:.1%} went well"
    interval = "" if result["success"] is None else f" [{result['low']:.1%}, {result['high']:.1%}]"
    return f"{result['runs']} runs, {told}{interval}{same}"

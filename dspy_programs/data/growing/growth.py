"""Grow a data set, cycle after cycle: seeds -> new pairs -> checks -> judge -> what failed seeds the next cycle.

Input      seeds; how pairs are asked for; who writes, checks and judges them.
Output     Grown: the figures of each cycle, how many pairs passed, why it stopped. The pairs are in files (growth_files.py).
Holds      the seeds of a cycle are those given and at most MOST_FAILED instructions that failed in the cycle before, each once;
           a given seed whose pair had a fault has it as a lesson.
Guarantees a cycle counts as a whole or not at all. One that was cut, by whatever, is finished by the same call with
           `resume=True`: with models whose answers are kept (models.py, judging/cache.py) nothing is paid for twice, and
           the files are the same as without the cut, but for times.
Raises     UsageError, RunMismatch, RunLocked, DatasetError; ModelFailing where a model does not answer; RunInterrupted.
"""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from dspy_programs.cli import Progress
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.growing.checking import usual_check
from dspy_programs.data.growing.cycle import Check, Judge, Tools, Watch, cycle_of
from dspy_programs.data.growing.cycle_state import CycleState
from dspy_programs.data.growing.diversity import Known
from dspy_programs.data.growing.growth_files import Checkpoint, GrowthFiles, Plan
from dspy_programs.data.growing.models import judge_by_rules
from dspy_programs.data.growing.request import Settings
from dspy_programs.data.growing.seed import Seed, distinct, seed_of
from dspy_programs.data.growing.writing import Write, Writer
from dspy_programs.data.judging.judge_run import Stop, stopping_on_ctrl_c
from dspy_programs.data.limits import Meter
from dspy_programs.data.pairs_file import read_pairs
from dspy_programs.errors import BudgetSpent, ModelFailing, RunInterrupted, RunMismatch, UsageError
from dspy_programs.lm import Spent
from dspy_programs.text import quantity
from dspy_programs.types import Pair

MOST_FAILED = 10
MIN_PASS_RATE = 0.5
_RESUME = "go on with --resume"


class Grown(BaseModel):
    """What a growth has come to, with earlier runs of it. cycles: their figures, without pairs."""

    dataset: str
    generator: str
    cycles: list[CycleState]
    passed_pairs: int
    stopped: str
    spent: Spent
    output: str


def grow(
    seeds: Iterable[Seed | Pair | str] = (),
    folder: DataFolder | Path | None = None,
    *,
    name: str | None = None,
    write: Write | None = None,
    check: Check | None = None,
    judge: Judge | None = None,
    settings: Settings | None = None,
    plan: Plan | None = None,
    max_cycles: int = 3,
    min_pass_rate: float = MIN_PASS_RATE,
    max_pairs: int | None = None,
    at_once: int = 1,
    resume: bool = False,
    meter: Meter | None = None,
    progress: Progress | None = None,
    on_cycle: Callable[[CycleState], None] = lambda cycle: None,
) -> Grown:
    """Grow a data set in files.

    Args:
        seeds: Instructions, or pairs; none are needed to resume.
        folder: The folder of data sets; by default ./data.
        name: The name of the growth and its data set; by default "grown", the one growth of its folder without a name.
        write: Writes pairs; by default rules, `Writer(lm)` for a model.
        check: Says what is wrong with a pair; by default the checks of form, secrets and personal data.
        judge: Gives a verdict; by default rules.
        settings: Templates, strategies and pairs for each seed.
        plan: What else to note with a growth that begins.
        max_cycles: The total number of cycles, including those already done.
        min_pass_rate: The share in [0, 1] below which no further cycle begins.
        max_pairs: How many pairs may pass, over all cycles.
        at_once: Requests in progress.
        resume: Go on where an earlier call ended.
        meter: Its limits end the growth.
        progress: Called with how many requests and judgments are done, and how many there are.
        on_cycle: Called with each finished cycle.

    Returns:
        The growth so far.

    Raises:
        UsageError: There is nothing to start from, or a growth is there and `resume` is not set.
        RunMismatch: It was begun with other seeds.
        ModelFailing: A model does not answer; the cycle is not kept.
        RunInterrupted: By Ctrl-C; the cycle is not kept.
    """
    _check_numbers(max_cycles, min_pass_rate, max_pairs, at_once)
    place = folder if isinstance(folder, DataFolder) else DataFolder(Path(folder) if folder else DataFolder().root)
    files, meter = GrowthFiles(place, name), meter or Meter()
    settings = (settings or Settings()).checked()
    tools = Tools(write or Writer(), check or usual_check(), judge or judge_by_rules(), at_once)
    with files.alone(), stopping_on_ctrl_c() as stop:
        last = _begun(files, distinct(map(seed_of, seeds)), settings, plan, resume)
        known = _known(files, last.current_cycle)
        why = _why_end(last, max_cycles, min_pass_rate, max_pairs)
        while not why:
            number = last.current_cycle + 1
            steps = _steps(progress, len(last.next_seeds), settings.per_seed, max_cycles - number)
            left = None if max_pairs is None else max_pairs - last.all_passed_pairs_count
            try:
                watch = Watch(partial(_may_go_on, number, stop, meter), steps)
                state, failed = cycle_of(number, last.next_seeds, settings, tools, known, watch, left)
            except BudgetSpent as spent:
                why = str(spent)
                break
            except ModelFailing as error:
                raise ModelFailing(f"{error}; cycle {number} is not kept, but its answers are: {_RESUME}") from error
            last = _committed(files, last, state, failed, settings)
            known.add(state.passed_pairs, f"cycle {number}")
            on_cycle(state)
            why = _why_end(last, max_cycles, min_pass_rate, max_pairs) or _why_useless(state)
    return Grown(
        dataset=files.dataset,
        generator=tools.write.name,
        cycles=[cycle.without_pairs() for cycle in last.cycles],
        passed_pairs=last.all_passed_pairs_count,
        stopped=why,
        spent=meter.spent,
        output=str(place.pairs(files.dataset)),
    )


def _check_numbers(max_cycles: int, min_pass_rate: float, max_pairs: int | None, at_once: int) -> None:
    if max_cycles < 1 or at_once < 1 or (max_pairs is not None and max_pairs < 1):
        raise UsageError("cycles, pairs and requests in progress: give numbers above 0")
    if not 0 <= min_pass_rate <= 1:
        raise UsageError(f"pass rate {min_pass_rate:g}: give a share from 0 to 1")


def _may_go_on(cycle: int, stop: Stop, meter: Meter) -> None:
    """Raise RunInterrupted after Ctrl-C, BudgetSpent at a limit."""
    if stop.asked:
        raise RunInterrupted(f"stopped in cycle {cycle}, whose answers are kept; {_RESUME}")
    if limit := meter.reached():
        raise BudgetSpent(f"limit reached: {limit}, in cycle {cycle}, whose answers are kept; {_RESUME}")


def _begun(files: GrowthFiles, seeds: list[Seed], settings: Settings, plan: Plan | None, resume: bool) -> Checkpoint:
    """Return where to go on: the last checkpoint, or one of no cycle. Notes the plan of a growth that begins."""
    last = files.last()
    if last is not None and not resume:
        done = quantity(last.current_cycle, "cycle")
        raise UsageError(f"{files.checkpoints}: {done} done already; {_RESUME}, or give another --name")
    before = last.plan if last is not None else files.begun() if resume else None
    if before is not None and seeds and seeds != before.seeds:
        raise RunMismatch(f"{files.checkpoints}: begun with other seeds; resume without seeds, or give another --name")
    seeds = before.seeds if before is not None else seeds
    if not seeds:
        raise UsageError("nothing to grow from: give seeds")
    if last is not None:
        return last
    noted = (plan or Plan(seeds=seeds)).model_copy(update={"seeds": seeds, "settings": settings})
    files.begin(noted)
    return Checkpoint(current_cycle=0, cycles=[], all_passed_pairs_count=0, plan=noted, next_seeds=seeds)


def _known(files: GrowthFiles, cycles: int) -> Known:
    """Return all pairs that exist: those of every data set of the folder, and what passed in this growth.

    What failed is none: its instruction may be asked again.
    """
    known, own = Known(), files.folder.pairs(files.dataset)
    for path in sorted(own.parent.glob("*.jsonl")):
        if path != own and not path.name.endswith(".rejects.jsonl"):
            known.add(read_pairs(path), path.stem)
    for cycle in range(1, cycles + 1):
        known.add(files.pairs_of(cycle), f"cycle {cycle}")
    return known


def _committed(files: GrowthFiles, last: Checkpoint, state: CycleState, failed: list[Seed], settings: Settings) -> Checkpoint:
    number = state.cycle_id
    artifacts = {"checkpoint": files.checkpoint(number), "passed": files.passed(number), "train": files.train(number)}
    where = {what: os.path.relpath(path, files.folder.root) for what, path in artifacts.items()}
    state = state.model_copy(update={"artifacts": where, "dataset_path": where["train"]})
    seeds = last.plan.seeds
    known = len(distinct(seeds))
    checkpoint = Checkpoint(
        current_cycle=number,
        cycles=[*(cycle.without_pairs() for cycle in last.cycles), state],
        all_passed_pairs_count=last.all_passed_pairs_count + state.passed,
        plan=last.plan.model_copy(update={"settings": settings}),
        next_seeds=distinct([*seeds, *failed])[: known + MOST_FAILED],
    )
    files.commit(checkpoint, state.passed_pairs)
    return checkpoint


def _why_end(last: Checkpoint, max_cycles: int, min_pass_rate: float, max_pairs: int | None) -> str:
    """Say why no further cycle begins; "" if one does."""
    if last.cycles and last.cycles[-1].total and last.cycles[-1].pass_rate < min_pass_rate:
        rate = last.cycles[-1].pass_rate
        return f"the pass rate of cycle {last.current_cycle}, {rate:.1%}, is below the least, {min_pass_rate:.1%}"
    if max_pairs is not None and last.all_passed_pairs_count >= max_pairs:
        return f"{quantity(last.all_passed_pairs_count, 'pair')} passed, as many as were wanted"
    return f"{quantity(last.current_cycle, 'cycle')} done" if last.current_cycle >= max_cycles else ""


def _why_useless(state: CycleState) -> str:
    return "" if state.total else f"cycle {state.cycle_id} brought no new pair with a verdict"


def _steps(progress: Progress | None, seeds: int, per_seed: int, cycles_left: int) -> Callable[[int], None]:
    """Return what turns the steps of a cycle into progress; later cycles are taken to be as long."""
    done = 0
    later = cycles_left * seeds * (1 + per_seed)

    def step(left: int) -> None:
        nonlocal done
        done += 1
        judging = seeds * per_seed if done <= seeds else 0
        if progress:
            progress(done, done + left + judging + later)

    return step

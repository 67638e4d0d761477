"""Run the optimizers on the library's programs, one after another; each finished run is a line in a journal.

results.jsonl         a line for every finished run: what it belongs to, its score on each test row, what it cost
<program>.calls.jsonl every answer of the models, shared by all optimizers and random seeds: each request is paid once
report.*              rebuilt from results.jsonl after every run (benchmark_report.py)

Guarantees a run in the journal is loaded, not run again; its key covers everything that decides its course: program, metric,
           rows, models, random seed, budget, versions and the code of the optimizers.
"""

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.errors import RunInterrupted, RunLocked
from dspy_programs.predict import FewShot
from dspy_programs.registry import compiled_store as store
from optimizers.calls import Journal, Meter, Progress, Record, Used, noise_to, recorded
from optimizers.comparison.baselines import Found, Search, optimize
from optimizers.scoring import Runner
from optimizers.search import (
    RuleProposer,
    Search as OurSearch,
    changes_for,
    choose,
    compile_job,
    kinds_for,
    loss_weighted_rows,
    support,
)
from optimizers.training import (
    RESULTS,
    RunDirectory,
    Training,
    code_in,
    default_path,
    digest,
    identity_of,
    job_of,
    stopping_on_signals,
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One program, one optimizer, one random seed (in `training`, with the budget)."""

    training: Training
    optimizer: str

    @property
    def program(self) -> str:
        return self.training.recipe.name

    @property
    def metric_calls(self) -> int:
        calls = self.training.budget.metric_calls
        assert calls is not None
        return calls

    @property
    def identity(self) -> dict[str, Any]:
        training = self.training
        models = {"task": training.task_lm, "reflection": training.reflection_lm}
        of_run = {"optimizer": self.optimizer, "budget": self.metric_calls, "code": digest_of_code()}
        job = job_of(training.recipe, training.rows, training.seed, training.reasoning)
        proposer = kinds_for(training.reflection_lm)[0]
        return of_run | identity_of(training.recipe, training.rows, job, models, training.seed, proposer)

    @cached_property
    def key(self) -> str:
        return digest(self.identity)

    def __str__(self) -> str:
        return f"{self.program}, {self.optimizer}, seed {self.training.seed}"


@dataclass
class SteadyMeter(Meter):
    """A meter for a journal shared by many runs: another run's answer does not move this one's clock."""

    asked_seconds: float = field(default=0.0)

    def count(self, role: str, used: Used, at: float, replayed: bool) -> None:
        super().count(role, used, 0.0, replayed)
        if not replayed:
            with self._lock:
                self.asked_seconds += used.seconds


def digest_of_code() -> str:
    """Return a digest of the code that decides what an optimizer finds, given the answers."""
    of_files = (
        optimize,
        compile_job,
        OurSearch,
        changes_for,
        support,
        choose,
        FewShot,
        loss_weighted_rows,
        RuleProposer,
        Runner,
    )
    texts = [code_in(sys.modules[thing.__module__]) for thing in of_files]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def runs_of(trainings: Sequence[Training], optimizers: Sequence[str], seeds: int) -> list[Run]:
    """List the runs by program, optimizer and random seed."""
    return [Run(replace(training, seed=seed), name) for training in trainings for name in optimizers for seed in range(seeds)]


@contextlib.contextmanager
def claimed(path: Path, fresh: bool = False) -> Iterator[RunDirectory]:
    """Lock the folder for this process. Raises RunLocked."""
    try:
        directory = RunDirectory(path, fresh=fresh)
    except RunLocked as error:
        raise RunLocked(f"{path}: another benchmark is running here; wait for it or give another --out") from error
    with contextlib.closing(directory):
        yield directory


def finished(directory: RunDirectory) -> dict[str, Record]:
    """Load every finished run; a last line truncated by a kill is cut off. Raises RunError for an invalid line."""
    with contextlib.closing(Journal(directory.path / RESULTS)) as results:
        return {record["key"]: record for record in results}


def run_all(
    runs: Sequence[Run],
    directory: RunDirectory,
    results: dict[str, Record],
    say: Say,
    on_finished: Callable[[], None],
) -> None:
    """Run what is not yet in `results` and add it, on disk first.

    Raises ModelFailing if a model stops answering, RunInterrupted on a signal: finished runs are kept.
    """
    for number, run in enumerate(runs, 1):
        if run.key in results:
            continue
        say(f"{number} of {len(runs)}: {run}")
        record = run_one(run, directory)
        with contextlib.closing(Journal(directory.path / RESULTS)) as journal:
            journal.append(record)  # closing it flushes it to disk
        results[run.key] = record
        score = f"{sum(record['test']) / len(record['test']):.3f} on test" if record["test"] else record["failure"]
        say(f"  {score}; {record['metric_calls']} metric calls, {record['lm_calls']} model calls")
        on_finished()


def run_one(run: Run, directory: RunDirectory) -> Record:
    """Search, then score the result on the test rows; the costs of the two are separate."""
    training, meter = run.training, SteadyMeter()
    job = job_of(training.recipe, training.rows, training.seed, training.reasoning)
    progress = Progress(meter, run.metric_calls + len(training.rows["test"]))
    with contextlib.closing(Journal(directory.path / f"{run.program}.calls.jsonl")) as journal:
        journal.read_also(default_path(run.program, training.task_lm.model) / "calls.jsonl")
        task = recorded(training.task_lm, "task", journal, meter)
        reflection = recorded(training.reflection_lm, "reflection", journal, meter)
        search = Search(job, task, reflection, run.metric_calls, meter, training.seed, training.threads)
        with interruptible(meter, directory.path), noise_to(directory.log), progress.live():
            progress.phase = str(run)
            start = time.monotonic()
            found = optimize(run.optimizer, search)
            spent, metric_calls = _snapshot(meter), meter.metric_calls
            progress.phase = f"{run}, test"
            test = _tested(found, training, task, meter)
            wall = time.monotonic() - start
    return _record_of(run, found, test, spent, metric_calls, meter, wall)


def _tested(found: Found, training: Training, lm: dspy.LM, meter: Meter) -> list[float]:
    if found.program is None:
        return []
    rows, metric = training.rows["test"], training.recipe.scorer
    return [score.value for score in Runner(lm, meter, training.threads).scores(found.program, rows, metric)]


@contextlib.contextmanager
def interruptible(meter: Meter, path: Path) -> Iterator[None]:
    try:
        with stopping_on_signals(meter):
            yield
    except RunInterrupted as error:
        line = f"stopped; finished runs are in {os.fspath(path)}; run the same command again to resume"
        raise RunInterrupted(line) from error


def _snapshot(meter: Meter) -> dict[str, Used]:
    return {role: replace(used) for role, used in meter.roles.items()}


def _record_of(
    run: Run,
    found: Found,
    test: Sequence[float],
    spent: Mapping[str, Used],
    metric_calls: int,
    meter: SteadyMeter,
    wall: float,
) -> Record:
    """Collect a run's figures; minutes are those the models took, including replayed answers."""
    training, task = run.training, meter.roles["task"]
    return {
        "key": run.key,
        "program": run.program,
        "optimizer": run.optimizer,
        "seed": training.seed,
        "budget": run.metric_calls,
        "rows": {split: digest([row.toDict() for row in rows]) for split, rows in training.rows.items()},
        "models": {"task": training.task_lm.model, "reflection": training.reflection_lm.model},
        "versions": store.versions(),
        "test": list(test),
        "failure": found.failure,
        "history": [list(point) for point in found.history],
        "metric_calls": metric_calls,
        "lm_calls": sum(used.calls for used in spent.values()),
        "tokens": sum(used.tokens for used in spent.values()),
        "usd": round(sum(used.usd for used in spent.values()), 6),
        "minutes": round(sum(used.seconds for used in spent.values()) / 60, 3),
        "roles": {role: asdict(used) for role, used in spent.items()},
        "test_calls": task.calls - spent["task"].calls,
        "test_prompt_tokens": task.input_tokens - spent["task"].input_tokens,
        "asked_seconds": round(meter.asked_seconds, 3),
        "wall_seconds": round(wall, 3),
    }

"""Run a pipeline: each step that something has changed for, in their order.

Guarantees what a step has done is noted when it has ended, so the same command goes on after any end, kill -9 included. A step
           that failed is not noted. With keep_going, steps that read what a failed one should have written are skipped.
Raises     UsageError before the first step, for options that could never work; RunLocked while another process runs the
           same pipeline. A step's own error is in its result.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel

from dspy_programs.cli import Progress, show_progress
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.pipeline.pipeline import Pipeline, Placed
from dspy_programs.data.pipeline.record import Record, inputs_of
from dspy_programs.data.pipeline.step import Outcome
from dspy_programs.errors import ProgramsError, RunLocked, UsageError

Status = Literal["done", "unchanged", "gate closed", "failed", "skipped", "interrupted"]
_ENDS: tuple[Status, ...] = ("failed", "gate closed")


class StepRun(BaseModel):
    """What became of a step. seconds: of the wall."""

    number: int
    step: str
    dataset: str
    status: Status
    seconds: float = 0.0
    said: str = ""


class PipelineRun(BaseModel):
    dataset: str
    steps: list[StepRun]

    @property
    def passed(self) -> bool:
        return all(step.status in ("done", "unchanged") for step in self.steps)

    @property
    def interrupted(self) -> bool:
        return any(step.status == "interrupted" for step in self.steps)


Showing = Callable[[str], AbstractContextManager[Progress | None]]


def run_pipeline(
    pipeline: Pipeline,
    folder: DataFolder,
    keep_going: bool = False,
    fresh: bool = False,
    on_step: Callable[[StepRun], None] = lambda step: None,
    showing: Showing = show_progress,
) -> PipelineRun:
    """keep_going: after a failure, too; fresh: run every step; on_step: told of each that ended."""
    steps = pipeline.placed(folder)
    record = Record(folder, pipeline.path)
    lock = FileLock(record.path.with_suffix(".lock"), timeout=0)
    try:
        record.path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise RunLocked(f"{pipeline.path}: another process is running it on {folder.root}; wait for its end") from None
    except OSError as error:
        raise UsageError(f"{record.path.parent}: cannot be written: {error.strerror or error}") from error
    try:
        return _run(steps, record, pipeline.dataset, keep_going, fresh, on_step, showing)
    finally:
        lock.release()


def _run(
    steps: list[Placed],
    record: Record,
    dataset: str,
    keep_going: bool,
    fresh: bool,
    on_step: Callable[[StepRun], None],
    showing: Showing,
) -> PipelineRun:
    found = PipelineRun(dataset=dataset, steps=[])
    lost: dict[Path, int] = {}  # what a failed step should have written -> its number
    stopped = False
    for number, placed in enumerate(steps, 1):
        result = StepRun(number=number, step=placed.step.kind, dataset=placed.at.dataset, status="skipped")
        missing = sorted({lost[path] for path in placed.reads if path in lost})
        if stopped:
            result.said = "an earlier step did not pass"
        elif missing:
            result.said = f"needs step {', '.join(map(str, missing))}"
            lost.update(dict.fromkeys(placed.writes, number))
        else:
            _do(placed, record, fresh, result, showing)
            if result.status == "failed":
                lost.update(dict.fromkeys(placed.writes, number))
        stopped |= result.status == "interrupted" or (result.status in _ENDS and not keep_going)
        found.steps.append(result)
        on_step(result)
    return found


def _do(placed: Placed, record: Record, fresh: bool, result: StepRun, showing: Showing) -> None:
    """Run a step, unless it is done, and say in `result` what came of it."""
    started = time.monotonic()
    try:
        if not fresh and (done := record.of(placed)):
            result.status, result.said = "unchanged", done.said
            return
        inputs = inputs_of(placed)
        with showing(placed.step.kind) as progress:
            outcome = placed.step.run(placed.at, progress)
        result.status, result.said = _status_of(outcome), outcome.said
        if outcome.passed and outcome.complete:
            record.add(placed, inputs, outcome.said)
    except (ProgramsError, OSError, sqlite3.Error) as error:
        result.status, result.said = "failed", " ".join(str(error).split()) or type(error).__name__
    except KeyboardInterrupt:
        result.status, result.said = "interrupted", "Ctrl-C"
    finally:
        result.seconds = round(time.monotonic() - started, 3)


def _status_of(outcome: Outcome) -> Status:
    if outcome.interrupted:
        return "interrupted"
    return "done" if outcome.passed else "gate closed"

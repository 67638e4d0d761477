"""Judge a data set into its file: what is there is kept, what is cached costs nothing, the rest is asked.

Output     Report: what was judged now and what the file holds, failures with a sample, what was spent, why it stopped.
Guarantees written as it goes; the same command continues after any end, and asks only for what has no judgment.
"""

import contextlib
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dspy_programs.cli import Progress
from dspy_programs.data.judging.judgment import OVERALL
from dspy_programs.data.judging.judgments_file import JudgmentsFile, read_judgments
from dspy_programs.data.judging.panel import Panel
from dspy_programs.data.judging.run import Health, outcomes
from dspy_programs.data.judging.sampling import pairs_in, sampled, size_of
from dspy_programs.data.judging.shown import shown_of
from dspy_programs.data.limits import Meter
from dspy_programs.data.pair import DataPair
from dspy_programs.lm import Spent

_SAMPLES = 5
_STOPPING = "stopping: what is being judged is finished and kept; Ctrl-C again ends at once"


class Failed(BaseModel):
    """pair_id, why it has no judgment, and the start of the reply, if there was one."""

    pair_id: str
    reason: str
    reply: str


class Totals(BaseModel):
    """What a file of judgments holds. Means and scores from 0 to 10."""

    judged: int = 0
    passed: int = 0
    pass_rate: float = 0.0
    mean_overall: float = 0.0
    mean_scores: dict[str, float] = {}
    tiers: dict[str, int] = {}
    answered_by: dict[str, int] = {}
    disagreed: int = 0


class Report(BaseModel):
    """One run. kept: judgments that the file had; hits, misses: opinions that were cached, and that were asked for."""

    dataset: str
    tag: str
    judge_model: str
    rubric: str
    selected: int
    kept: int
    written: int
    failed: int
    failures: list[Failed]
    hits: int
    misses: int
    replaced: int
    stopped: str
    interrupted: bool
    model_stopped: bool
    complete: bool
    spent: Spent
    output: str
    totals: Totals


@dataclass(frozen=True)
class Selection:
    """Which pairs: a share of them, seeded, and at most so many."""

    sample: float = 1.0
    most: int | None = None
    seed: int = 42


class Stop:
    """Set by the first Ctrl-C."""

    def __init__(self) -> None:
        self.asked = False


def judge_file(
    pairs: Path,
    output: Path,
    panel: Panel,
    dataset: str,
    selection: Selection,
    at_once: int,
    meter: Meter,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Report:
    """Judge a file's pairs.

    fresh: ask again for what is known, too. Raises RunLocked, RunError, ModelFailing, DatasetError and UsageError.
    """
    total = pairs_in(pairs)
    selected = size_of(total, selection.sample, selection.most)
    health, counts, failures, limit = Health(), Counter[str](), list[Failed](), ""
    with JudgmentsFile(output, panel.digest, fresh) as file, stopping_on_ctrl_c() as stop:

        def missing() -> Iterator[DataPair]:
            for pair in sampled(pairs, total, selection.sample, selection.most, selection.seed):
                if file.holds(panel.key(shown_of(pair)), pair.identified().id):
                    counts["kept"] += 1
                else:
                    yield pair

        def may_go_on() -> bool:
            nonlocal limit
            limit = limit or meter.reached()
            return not limit and not stop.asked

        for outcome in outcomes(missing(), panel, at_once, health, may_go_on):
            if outcome.judgment is not None:
                file.append(outcome.judgment)
                counts["written"] += 1
            elif outcome.failure is not None:
                counts["failed"] += 1
                if len(failures) < _SAMPLES:
                    failures.append(
                        Failed(pair_id=outcome.pair_id, reason=outcome.failure.reason, reply=outcome.failure.sample)
                    )
            if progress:
                progress(counts.total(), selected)
        complete = not (counts["failed"] or health.stopped or limit or stop.asked)
        if complete:
            file.finished()
    cache = panel.cache
    return Report(
        dataset=dataset,
        tag=panel.tag,
        judge_model=panel.name,
        rubric=f"{panel.rubric.name} {panel.rubric.version}",
        selected=selected,
        kept=counts["kept"],
        written=counts["written"],
        failed=counts["failed"],
        failures=failures,
        hits=(cache.hits if cache else 0) + counts["kept"] * len(panel.judges),
        misses=cache.misses if cache else counts["written"] + counts["failed"],
        replaced=file.replaced if counts["written"] else 0,
        stopped="Ctrl-C" if stop.asked else health.stopped or (f"limit reached: {limit}" if limit else ""),
        interrupted=stop.asked,
        model_stopped=bool(health.stopped),
        complete=complete,
        spent=meter.spent,
        output=str(output),
        totals=totals_of(output),
    )


def totals_of(path: Path) -> Totals:
    """Sum up a file of judgments, which may not exist."""
    count, passed, disagreed = 0, 0, 0
    sums, tiers, answered = Counter[str](), Counter[str](), Counter[str]()
    for judgment in read_judgments(path) if path.exists() else ():
        count, passed, disagreed = count + 1, passed + judgment.passed, disagreed + bool(judgment.disagreed)
        for name, score in judgment.scores.items():
            sums[name] += score  # type: ignore[assignment]  # a Counter adds any numbers
        tiers[judgment.quality_tier] += 1
        answered[judgment.answered_by] += 1
    means = {name: round(total / count, 4) for name, total in sums.items()}
    return Totals(
        judged=count,
        passed=passed,
        pass_rate=passed / count if count else 0.0,
        mean_overall=means.pop(OVERALL, 0.0),
        mean_scores=means,
        tiers=dict(tiers),
        answered_by=dict(answered),
        disagreed=disagreed,
    )


@contextlib.contextmanager
def stopping_on_ctrl_c() -> Iterator[Stop]:
    """Let the first Ctrl-C end the block in order; a second one ends the process at once: every line is on the disk."""
    stop = Stop()

    def end(number: int, frame: Any) -> None:
        if stop.asked:
            os._exit(130)
        stop.asked = True
        print(_STOPPING, file=sys.__stderr__, flush=True)

    if threading.current_thread() is not threading.main_thread():  # Python allows handlers only there
        yield stop
        return
    before = signal.signal(signal.SIGINT, end)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)

"""Classify many traces in constant memory: a report on each, and the totals.

Input      Items as read by reader.py.
Output     Outcomes in the same order; Tally sums them into a Batch: counts, rates with 95 % intervals, first turns.
Guarantees every Item becomes one Outcome. A trace counts under its verdict in `count`, under every mode it shows in `seen`;
           unreadable records are counted separately and are part of no rate.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Literal, NamedTuple, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.errors import UsageError
from dspy_programs.failures.classifier import FailureClassifier, FailureReport, sendable
from dspy_programs.failures.intervals import wilson
from dspy_programs.failures.reader import Item
from dspy_programs.types import FailureMode, Trace

MODES: tuple[FailureMode, ...] = get_args(FailureMode)
FORMAT: Literal["failures-batch-1"] = "failures-batch-1"
MOST_PROBLEMS = 10_000  # named in a Batch; all are counted, and all are named in the per-trace outputs
_LATE = 20  # first failing turns from here on are counted together
_LATER = f"{_LATE}+"
_AHEAD = 4  # records read ahead per record in progress


class Outcome(NamedTuple):
    """The outcome of one record: a report on its trace, or a problem; with neither, the source's earlier problem is gone."""

    source: str
    trace: Trace | None
    report: FailureReport | None
    problem: str | None


class Share(BaseModel):
    """Count of traces, their share and its 95 % interval."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(ge=0)
    rate: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)


class ModeShare(Share):
    """count: traces with this verdict; seen: traces that show the mode at all."""

    mode: FailureMode
    seen: int = Field(ge=0)


class Problem(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    problem: str


class Check(BaseModel):
    """One check of a batch: a sentence with rate, interval and limit, and whether it passes."""

    model_config = ConfigDict(extra="forbid")

    holds: bool
    text: str


class Batch(BaseModel):
    """The result of a batch; written as JSON it is the baseline for a later one."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["failures-batch-1"] = FORMAT
    traces: int = Field(ge=0)
    unreadable: int = Field(ge=0)
    failing: Share
    modes: list[ModeShare]
    first_failure_turns: dict[str, int]
    answered_by: dict[str, int]
    model_failures: int = Field(ge=0)
    problems: list[Problem]
    checks: list[Check] = []

    def share(self, mode: str) -> Share:
        """Return the share of a mode, or of ANY: all verdicts except "none"."""
        return self.failing if mode == "ANY" else next(each for each in self.modes if each.mode == mode)


def classified(items: Iterable[Item], classifier: FailureClassifier, at_once: int = 1) -> Iterator[Outcome]:
    """Yield each record's outcome, in order. at_once: how many records a model is asked about in parallel."""

    def outcome(item: Item) -> Outcome:
        report = None if item.trace is None else classifier.classify(item.trace)
        return Outcome(item.source, item.trace, report, item.problem)

    return map(outcome, items) if at_once == 1 else in_order(outcome, items, at_once)


def in_order(work: Callable[[Item], Outcome], items: Iterable[Item], at_once: int) -> Iterator[Outcome]:
    """Work in threads, each in the caller's context; yield the results in order. Few wait at a time."""
    waiting: deque[Future[Outcome]] = deque()
    pool = ThreadPoolExecutor(at_once)
    try:
        for item in items:
            waiting.append(pool.submit(copy_context().run, work, item))
            if len(waiting) >= _AHEAD * at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class Sink(Protocol):
    """An output that is written while a batch runs."""

    def add(self, outcome: Outcome) -> None:
        """Take the next outcome."""

    def finish(self, batch: Batch) -> None:
        """Write what can only be written at the end."""


class Tally:
    """Sums up outcomes, in constant memory except a bounded problem list."""

    def __init__(self) -> None:
        self.traces = self.unreadable = self.model_failures = 0
        self.verdicts: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.first_turns: Counter[int] = Counter()
        self.answered_by: Counter[str] = Counter()
        self.problems: list[Problem] = []

    def add(self, outcome: Outcome) -> None:
        report = outcome.report
        if report is None and outcome.problem is None:
            self.unreadable -= 1
            self.problems = [each for each in self.problems if each.source != sendable(outcome.source)]
            return
        if report is None:
            self.unreadable += 1
            if len(self.problems) < MOST_PROBLEMS:
                said = sendable(outcome.problem or "cannot be read")
                self.problems.append(Problem(source=sendable(outcome.source), problem=said))
            return
        self.traces += 1
        self.verdicts[report.classified_failure_mode] += 1
        self.seen.update(found.mode for found in report.modes)
        self.answered_by[report.answered_by] += 1
        self.model_failures += report.failure is not None
        if report.first_failure_turn is not None:
            self.first_turns[min(report.first_failure_turn, _LATE)] += 1

    def batch(self) -> Batch:
        """Return the totals so far."""
        turns = {str(turn) if turn < _LATE else _LATER: count for turn, count in sorted(self.first_turns.items())}
        return Batch(
            traces=self.traces,
            unreadable=self.unreadable,
            failing=Share(**self.share(self.traces - self.verdicts["none"])),
            modes=[self.mode(mode) for mode in MODES],
            first_failure_turns=turns,
            answered_by=dict(sorted(self.answered_by.items())),
            model_failures=self.model_failures,
            problems=self.problems,
        )

    def mode(self, mode: FailureMode) -> ModeShare:
        count = self.verdicts[mode]
        return ModeShare(mode=mode, seen=count if mode == "none" else self.seen[mode], **self.share(count))

    def share(self, count: int) -> dict[str, Any]:
        low, high = wilson(count, self.traces)
        rate = count / self.traces if self.traces else 0.0
        return {"count": count, "rate": rate, "low": low, "high": high}


def tallied(outcomes: Iterable[Outcome], sinks: Sequence[Sink], hold: Callable[[Batch], list[Check]]) -> Batch:
    """Sum up outcomes, pass each to the sinks as it comes, and check the result.

    Raises UsageError if there is no outcome at all: an empty folder is not a batch without failures.
    """
    tally = Tally()
    for outcome in outcomes:
        tally.add(outcome)
        for sink in sinks:
            sink.add(outcome)
    batch = tally.batch()
    if not batch.traces and not batch.unreadable:
        raise UsageError("no trace in the given paths; give files or folders with traces")
    batch.checks = hold(batch)
    for sink in sinks:
        sink.finish(batch)
    return batch

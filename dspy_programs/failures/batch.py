"""Classify many traces in constant memory: a report on each, and the totals.

Input      Items as read by reader.py.
Output     Outcomes in the same order; Tally sums them into a Batch: counts, rates with 95 % intervals, first turns.
Guarantees every Item becomes one Outcome. A trace counts under its verdict in `count`, under every mode it shows in `seen`,
           and, if its verdict is only possible, in `possible` and in no rate; unreadable records are counted separately.
           Memory is constant but for 16 bytes a trace, which pair it with a later batch.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Literal, NamedTuple, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.errors import ModelFailing, UsageError
from dspy_programs.failures.classifier import MIN_PROBABILITY, FailureClassifier, FailureReport, sendable
from dspy_programs.failures.intervals import wilson
from dspy_programs.failures.reader import Item
from dspy_programs.failures.rules_version import rules_version
from dspy_programs.failures.verdicts import entry_of
from dspy_programs.types import FailureMode, Trace

MODES: tuple[FailureMode, ...] = get_args(FailureMode)
FORMAT: Literal["failures-batch-2"] = "failures-batch-2"
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
    """count: traces that count under this mode; possible: those whose verdict it is, but less likely than required;
    seen: traces that show the mode at all."""

    mode: FailureMode
    possible: int = Field(ge=0)
    seen: int = Field(ge=0)


class Problem(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    problem: str


class Check(BaseModel):
    """One check of a batch: a sentence with rate, interval and limit, and whether it passes.

    regressed: names of traces that a closed check is about, not always all
    """

    model_config = ConfigDict(extra="forbid")

    holds: bool
    text: str
    regressed: list[str] = []


class Batch(BaseModel):
    """The result of a batch; written as JSON it is the baseline for a later one.

    failing          traces that count as failing
    possible         traces whose verdict is a failure, but less likely than min_probability: in no rate
    rules, model     the version of the rules, and the model that was asked, if any
    model_failures   traces that the model should have decided and did not: the rules' verdict stands
    model_stopped    why the model was no longer asked
    comparison       how it was compared with the baseline
    verdicts         what each trace counts as; see verdicts.py
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["failures-batch-2"] = FORMAT
    rules: str
    model: str | None
    min_probability: float = Field(ge=0, le=1)
    traces: int = Field(ge=0)
    unreadable: int = Field(ge=0)
    failing: Share
    possible: int = Field(ge=0)
    modes: list[ModeShare]
    first_failure_turns: dict[str, int]
    answered_by: dict[str, int]
    model_failures: int = Field(ge=0)
    model_stopped: str | None = None
    problems: list[Problem]
    checks: list[Check] = []
    comparison: str | None = None
    verdicts: dict[FailureMode, str]

    def share(self, mode: str) -> Share:
        """Return the share of a mode, or of ANY: all that count as failing."""
        return self.failing if mode == "ANY" else next(each for each in self.modes if each.mode == mode)


def classified(items: Iterable[Item], classifier: FailureClassifier, at_once: int = 1) -> Iterator[Outcome]:
    """Yield each record's outcome, in order. at_once: how many records a model is asked about in parallel.

    Raises ModelFailing if the model never answered. If it stops later, the rules decide the rest, and each report that lacks
    its answer says so.
    """

    def report_on(trace: Trace) -> FailureReport:
        try:
            return classifier.classify(trace)
        except ModelFailing as error:
            if not classifier.answers:
                raise
            classifier.stopped = classifier.stopped or str(error)
            return classifier.classify(trace)

    def outcome(item: Item) -> Outcome:
        report = None if item.trace is None else report_on(item.trace)
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
    """Sums up outcomes."""

    def __init__(self, model: str | None = None, min_probability: float = MIN_PROBABILITY) -> None:
        """Name the model in use, and the probability that a verdict needs to count: both are written down."""
        self.model, self.min_probability = model, min_probability
        self.traces = self.unreadable = self.model_failures = self.possible = 0
        self.counts: Counter[FailureMode] = Counter()
        self.possibly: Counter[FailureMode] = Counter()
        self.verdicts: dict[FailureMode, bytearray] = defaultdict(bytearray)
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
        self.counts[report.counts_as] += 1
        if report.possible:
            self.possibly[report.classified_failure_mode] += 1
            self.possible += report.counts_as == "none"
        self.verdicts[report.counts_as] += entry_of(report.trace_id, report.original_goal)
        self.seen.update(found.mode for found in report.modes)
        self.answered_by[report.answered_by] += 1
        self.model_failures += report.failure is not None
        if report.first_failure_turn is not None and report.counts_as not in ("none", "UNKNOWN"):
            self.first_turns[min(report.first_failure_turn, _LATE)] += 1

    def batch(self) -> Batch:
        """Return the totals so far."""
        turns = {str(turn) if turn < _LATE else _LATER: count for turn, count in sorted(self.first_turns.items())}
        return Batch(
            rules=rules_version(),
            model=self.model,
            min_probability=self.min_probability,
            traces=self.traces,
            unreadable=self.unreadable,
            failing=Share(**self.share(self.traces - self.counts["none"])),
            possible=self.possible,
            modes=[self.mode(mode) for mode in MODES],
            first_failure_turns=turns,
            answered_by=dict(sorted(self.answered_by.items())),
            model_failures=self.model_failures,
            problems=self.problems,
            verdicts={mode: packed.hex() for mode, packed in self.verdicts.items()},
        )

    def mode(self, mode: FailureMode) -> ModeShare:
        count = self.counts[mode] - (self.possible if mode == "none" else 0)
        seen = count if mode == "none" else max(count, self.seen[mode])
        return ModeShare(mode=mode, possible=self.possibly[mode], seen=seen, **self.share(count))

    def share(self, count: int) -> dict[str, Any]:
        low, high = wilson(count, self.traces)
        rate = count / self.traces if self.traces else 0.0
        return {"count": count, "rate": rate, "low": low, "high": high}


def tallied(tally: Tally, outcomes: Iterable[Outcome], sinks: Sequence[Sink], check: Callable[[Batch], None]) -> Batch:
    """Sum up outcomes, pass each to the sinks as it comes, and let `check` complete the result before they finish.

    Raises UsageError if there is no outcome at all: an empty folder is not a batch without failures.
    """
    for outcome in outcomes:
        tally.add(outcome)
        for sink in sinks:
            sink.add(outcome)
    batch = tally.batch()
    if not batch.traces and not batch.unreadable:
        raise UsageError("no trace in the given paths; give files or folders with traces")
    check(batch)
    for sink in sinks:
        sink.finish(batch)
    return batch

"""What `data run` and `data status` print for people."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from dspy_programs.data.growing.cycle_state import CycleState
from dspy_programs.data.growing.growth_files import GrowthFiles
from dspy_programs.errors import UsageError
from dspy_programs.failures import wilson
from dspy_programs.text import printable, quantity, shortened

if TYPE_CHECKING:
    from dspy_programs.data.growing.growth import Grown

_LONGEST_REASON = 100  # characters
_HEAD = (
    f"{'cycle':>7} {'seeds':>6} {'new':>6} {'passed':>7} {'pass rate':>9} {'95 % interval':>16} {'quality':>8} {'seconds':>8}"
)


class Status(BaseModel):
    """A growth, as its last checkpoint has it. Totals are of all cycles; pass_rate in [0, 1]; duration in seconds."""

    dataset: str
    generator: str
    cycles: list[CycleState]
    generated: int
    passed: int
    pass_rate: float
    pass_rate_interval: tuple[float, float]
    duration_seconds: float


def status_of(files: GrowthFiles) -> Status:
    last = files.last()
    if last is None:
        raise UsageError(f"{files.checkpoints}: no checkpoint")
    cycles = [cycle.without_pairs() for cycle in last.cycles]
    passed, total = sum(cycle.passed for cycle in cycles), sum(cycle.total for cycle in cycles)
    return Status(
        dataset=files.dataset,
        generator=last.plan.lm or "rules",
        cycles=cycles,
        generated=total,
        passed=passed,
        pass_rate=round(passed / total, 4) if total else 0.0,
        pass_rate_interval=wilson(passed, total),
        duration_seconds=round(sum(cycle.duration_seconds for cycle in cycles), 3),
    )


def lines_of_status(found: Sequence[Status]) -> Iterator[str]:
    for each in found:
        low, high = each.pass_rate_interval
        yield f"{each.dataset}: {quantity(each.passed, 'pair')} passed of {each.generated:,}, written by {each.generator}"
        yield _HEAD
        for cycle in each.cycles:
            yield _row(str(cycle.cycle_id), cycle)
        rate = f"{each.pass_rate:>9.1%} {_interval(low, high):>16}"
        yield f"{'total':>7} {'':>6} {each.generated:>6,} {each.passed:>7,} {rate} {'':>8} {each.duration_seconds:>8.1f}"


def line_of_cycle(cycle: CycleState) -> str:
    """Say in one line what came of a cycle."""
    said = f"cycle {cycle.cycle_id}: {quantity(cycle.total, 'new pair')}, {cycle.passed:,} passed ({cycle.pass_rate:.1%})"
    why = {"generation": "not written", "diversity": "near one that exists", "judge": "without a verdict"}
    said += "".join(f", {count:,} {why[stage]}" for stage, count in cycle.refused_counts.items())
    reasons = Counter(each.reason for each in cycle.refused if each.stage == "generation")
    return said + (f" ({shortened(printable(reasons.most_common(1)[0][0]), _LONGEST_REASON)})" if reasons else "")


def lines_of_growth(grown: "Grown") -> Iterator[str]:
    yield _HEAD
    for cycle in grown.cycles:
        yield _row(str(cycle.cycle_id), cycle)
    yield f"  Passed     {quantity(grown.passed_pairs, 'pair')}, in {grown.output}"
    yield f"  Written by {grown.generator}"
    judges = sorted({name for cycle in grown.cycles for name in cycle.judged_by})
    yield f"  Judged by  {', '.join(judges) or 'nobody'}" + (" (by form, not truth)" if "rules" in judges else "")
    yield f"  Stopped    {grown.stopped}"
    if grown.spent.model_calls:
        yield f"  Spent      {grown.spent}, {grown.spent.seconds:.0f} s"


def _row(name: str, cycle: CycleState) -> str:
    low, high = wilson(cycle.passed, cycle.total)
    figures = f"{len(cycle.seeds):>6,} {cycle.total:>6,} {cycle.passed:>7,} {cycle.pass_rate:>9.1%} {_interval(low, high):>16}"
    return f"{name:>7} {figures} {cycle.avg_quality_score:>8.2f} {cycle.duration_seconds:>8.1f}"


def _interval(low: float, high: float) -> str:
    return f"{low:.1%}-{high:.1%}"

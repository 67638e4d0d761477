"""Tables of repairs: solved rows and right code with 95 % intervals, tries, minutes and tokens."""

from collections.abc import Iterator, Sequence
from statistics import median

from dspy_programs.failures import wilson
from optimizers.scoring import bootstrap
from tests.code_repairs.repairs import Repair


def table(repairs: Sequence[Repair], by: str | None = None) -> Iterator[str]:
    """Yield a line for all, and for each kind or source."""
    yield f"{'rows':20} {'edited':>6} {'solved':>7} {'share':>6} {'95 %':>12}  {'right code':>23}  {'metric':>20}"
    yield _line("all", repairs)
    for name in sorted({getattr(each, by) for each in repairs}) if by else ():
        yield _line(name, [each for each in repairs if getattr(each, by or "") == name])
    solved = [each.tries for each in repairs if each.solved and each.tries]
    if solved:
        within = ", ".join(f"{sum(tries <= most for tries in solved)} within {most}" for most in (1, 3, 10, 60))
        yield f"tries where the tests then pass: median {median(solved):g}, {within}"
    minutes, calls, tokens = (
        sum(getattr(each, name) for each in repairs) / len(repairs) for name in ("seconds", "model_calls", "tokens")
    )
    tries = sum(each.tries for each in repairs) / len(repairs)
    yield f"a row: {minutes / 60:.2f} minutes, {tries:.1f} runs of its tests, {calls:.1f} model calls, {tokens:,.0f} tokens"


def _line(name: str, repairs: Sequence[Repair]) -> str:
    edited, solved, right = (sum(getattr(each, what) for each in repairs) for what in ("edited", "solved", "is_right_code"))
    count, mean = len(repairs), bootstrap([each.score for each in repairs])
    return (
        f"{name:20} {edited:>6} {solved:>3}/{count:<3} {_share(solved, count)}  {right:>3} {_share(right, count)}"
        f"  {mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]"
    )


def _share(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{count / of:>6.2f} [{low:.2f}, {high:.2f}]"

"""Tables of runs: success with a 95 % interval, how many of those called completed are right, minutes and tokens a task.

By what a task expects, or by kind.
"""

from collections.abc import Callable, Iterator, Sequence

from dspy_programs.failures.intervals import wilson
from tests.agent_tasks.runs import Run


def table(runs: Sequence[Run], group: Callable[[Run], str] | None = None) -> Iterator[str]:
    """Yield a line for each way, and for each group in it."""
    yield (
        f"{'way':12} {'tasks':22} {'solved':>7} {'share':>6} {'95 %':>12} {'completed':>9} {'unverified':>10} "
        f"{'min/task':>9} {'tokens/task':>12} {'calls':>6}"
    )
    for way in dict.fromkeys(run.way for run in runs):
        of_way = [run for run in runs if run.way == way]
        yield _line(way, "all", of_way)
        for name in sorted({group(run) for run in of_way}) if group else ():
            yield _line(way, name, [run for run in of_way if group and group(run) == name])


def _line(way: str, name: str, runs: Sequence[Run]) -> str:
    solved, count = sum(run.solved for run in runs), len(runs)
    low, high = wilson(solved, count)
    minutes = sum(run.seconds for run in runs) / count / 60
    tokens = sum(run.used.input_tokens + run.used.output_tokens for run in runs) / count
    calls = sum(run.used.tool_calls for run in runs) / count
    right = {each: [run.solved for run in runs if run.used.outcome == each] for each in ("completed", "unverified")}
    called = {each: f"{sum(found)}/{len(found)}" for each, found in right.items()}
    return (
        f"{way:12} {name:22} {solved:>3}/{count:<3} {solved / count:>6.2f} [{low:.2f}, {high:.2f}] "
        f"{called['completed']:>9} {called['unverified']:>10} {minutes:>9.2f} {tokens:>12.0f} {calls:>6.1f}"
    )


def faults(runs: Sequence[Run]) -> Iterator[str]:
    """Yield why each run that solved nothing did not."""
    for run in runs:
        if not run.solved:
            yield f"{run.way} {run.task}: {'; '.join(run.faults)} ({run.used.stopped_by}: {run.used.why})"

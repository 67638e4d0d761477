"""What the two measuring commands have in common: their flags, and what they print."""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dspy_programs.errors import UsageError
from dspy_programs.lm import connect
from tests.agent_tasks.figures import faults, table
from tests.agent_tasks.runs import Case, Run, measured
from tests.agent_tasks.traces import results_beside
from tests.agent_tasks.ways import WAYS, starting

_GRACE = 60  # seconds beyond the agent's own limit, before it is stopped from outside


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--way", choices=WAYS, action="append", help="how the agent runs; may be given again. Default: rules")
    made.add_argument("--lm", default="local/qwen2.5-coder-1.5b", help="the model of the other ways")
    place = made.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, help="results, one a line; what is there already is not run again")
    place.add_argument(
        "--traces", type=Path, help="a folder for traces with the outcome that the end state shows; results beside it"
    )
    made.add_argument("--seconds", type=float, default=300, help="the limit of one task")
    made.add_argument("--minutes", type=float, help="begin no task after so many; the same command goes on")
    made.add_argument("--first", type=int, help="only so many tasks; kinds alternate")
    made.add_argument("--only", action="append", help="the id of a task; may be given again")
    made.add_argument("--by", choices=("kind", "expects"), help="also a line for each")
    made.add_argument("--faults", action="store_true", help="also why each unsolved task is not solved")
    return made


def measure(asked: argparse.Namespace, cases: Sequence[Case], tools: Callable[[Any], Any] = lambda case: None) -> None:
    """Run the cases and print the tables."""
    if asked.only and (unknown := set(asked.only) - {case.id for case in cases}):
        raise UsageError(f"--only: no {', '.join(sorted(unknown))}; choose from {', '.join(case.id for case in cases)}")
    out = asked.out or results_beside(asked.traces)
    chosen = [case for case in cases if not asked.only or case.id in asked.only][: asked.first]
    ways = asked.way or ["rules"]
    runs: list[Run] = []
    end = time.monotonic() + 60 * (asked.minutes or float("inf"))
    for way in ways:
        lm = None if way == "rules" else connect(asked.lm)
        start = starting(way, lm, asked.seconds, tools)
        for run in measured(chosen, way, start, out, asked.seconds + _GRACE, asked.traces):
            runs.append(run)
            left = _left(runs, len(ways) * len(chosen))
            print(f"{run.way} {run.task}: {'solved' if run.solved else 'not solved'}, {run.seconds:.0f} s{left}", flush=True)
            if time.monotonic() > end:
                return print(f"{len(runs)} of {len(chosen)} runs are there; the same command goes on")
    print(*table(runs, None if asked.by is None else lambda run: getattr(run, asked.by)), sep="\n")
    if asked.faults:
        print(*faults(runs), sep="\n")


def _left(runs: Sequence[Run], of: int) -> str:
    """Say how many runs are left, and how long they take at the pace so far."""
    missing = of - len(runs)
    minutes = missing * sum(run.seconds for run in runs) / len(runs) / 60
    return f"; {missing} left, about {minutes:.0f} min" if missing else ""

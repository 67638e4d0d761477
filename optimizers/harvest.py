"""python -m optimizers.harvest --traces DIR --module planner -o DIR: recorded runs become rows for training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import new_app, run
from optimizers.cli import ALL

app = new_app("Make rows for `optimizers.train` out of recorded runs, in every format that `failures` reads.")


@app.command()
def harvest(
    traces: Annotated[list[Path], typer.Option(help="A file or folder of recorded runs; may be given several times.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for the rows, with a folder for each program.")],
    module: Annotated[
        str, typer.Option(help="For which program: actor, failure_judge, memory_summarizer, planner, or all.")
    ] = ALL,
    min_probability: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="The least probability that the failure judge's guess is right, for runs without a recorded outcome. "
            "1: recorded outcomes only.",
        ),
    ] = 0.5,
    per_goal: Annotated[int, typer.Option(min=1, help="The most rows of one goal, whatever its numbers.")] = 20,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier harvest in that folder.")] = False,
) -> None:
    """Write train, val and test rows, failed steps with feedback, and what was left out with the reason.

    Then: python -m optimizers.train --module planner --data DIR/planner
    """
    from dspy_programs.errors import UsageError
    from optimizers.harvesting import MODULES, harvest_runs, lines_of

    if module not in (*MODULES, ALL):
        raise UsageError(f"--module {module}: choose from {', '.join(MODULES)}, {ALL}")
    names = MODULES if module == ALL else (module,)
    done = harvest_runs(traces, names, out, min_probability=min_probability, per_goal=per_goal, replace=replace)
    for line in lines_of(done):
        print(line)
    first = next((name for name in ("planner", *names) if done.rows.get(name)), None)
    if first is not None:
        print(f"next: python -m optimizers.train --module {first} --data {out / first}")


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())

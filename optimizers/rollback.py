"""python -m optimizers.rollback --module planner: return to the previous compiled program; nothing is deleted."""

from collections.abc import Sequence
from typing import Annotated

import typer

from dspy_programs.cli import LmOption, new_app, run
from optimizers.cli import MODULES

app = new_app("Return to the compiled program that was in use before, and finally to the shipped one.")


@app.command()
def rollback(
    module: Annotated[str, typer.Option(help=MODULES.replace(", or all", ""))],
    lm: LmOption = None,
    to: Annotated[
        str | None,
        typer.Option(help='Start of a digest shown by `optimizers.history`, or "shipped". Default: the previous one.'),
    ] = None,
) -> None:
    """Return to the compiled program that was in use before, step by step, and finally to the shipped one.

    Nothing is deleted: the program you leave stays in the history, and --to with its digest puts it back into use.
    """
    from dspy_programs.lm import spec_in_use
    from optimizers.promote import scores_line
    from optimizers.promotion import promoting as promotion

    spec = spec_in_use(lm)
    done = promotion.rollback(module, spec, to)
    print(f"{module} for {spec}")
    if not done.changed:
        print(f"already in use, nothing changed: {scores_line(done.now)}")
        return
    print(f"was     {scores_line(done.before)}")
    print(f"in use  {scores_line(done.now)}")
    if done.before:
        print(f"to undo: python -m optimizers.rollback --module {module} --lm {spec} --to {done.before.digest[:8]}")


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())

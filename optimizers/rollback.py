"""python -m optimizers.rollback --module planner: use what was in use before; nothing is deleted."""

from collections.abc import Sequence
from typing import Annotated

import typer

from dspy_programs.cli import LmOption, new_app, run
from optimizers.cli import MODULES

app = new_app("Go back to the compiled program that was in use before, at the end to the shipped one.")


@app.command()
def rollback(
    module: Annotated[str, typer.Option(help=MODULES.replace(", or all", ""))],
    lm: LmOption = None,
    to: Annotated[
        str | None,
        typer.Option(help='The beginning of a digest that `optimizers.history` shows, or "shipped". Default: before.'),
    ] = None,
) -> None:
    """Go back to the compiled program that was in use before, step by step, at the end to the shipped one.

    Nothing is deleted: what is left stays in the history, and --to with its digest puts it to use again.
    """
    from dspy_programs.lm import spec_in_use
    from optimizers import promotion
    from optimizers.promote import scores_line

    spec = spec_in_use(lm)
    done = promotion.rollback(module, spec, to)
    print(f"{module} for {spec}")
    if not done.changed:
        print(f"in use already, nothing was changed: {scores_line(done.now)}")
        return
    print(f"was     {scores_line(done.before)}")
    print(f"in use  {scores_line(done.now)}")
    if done.before:
        print(f"to undo it: python -m optimizers.rollback --module {module} --lm {spec} --to {done.before.digest[:8]}")


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())

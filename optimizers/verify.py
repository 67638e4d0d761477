"""python -m optimizers.verify: does every compiled program load into today's code?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import FAILED, new_app, run

app = new_app("Check that every compiled program, shipped and of the user, loads into today's code.")


@app.command()
def verify(
    files: Annotated[list[Path] | None, typer.Argument(help="Compiled JSONs. Default: all that `load` could find.")] = None,
    module: Annotated[str | None, typer.Option(help="The program of these files, where it is one of your own.")] = None,
) -> None:
    """Print a line for each file; exit code 2 when one does not load."""
    from dspy_programs.compiled_store import all_compiled, read_compiled
    from dspy_programs.errors import ProgramsError
    from dspy_programs.registry import load, require_known

    faults = 0
    paths = files or all_compiled()
    for path in paths:
        try:
            name = read_compiled(path).provenance.program
            require_known(name, path, module if files else name)  # what is in the user's directory was put there by the user
            load(name, path=path)
            print(f"ok     {path}")
        except ProgramsError as error:
            faults += 1
            print(f"FAILS  {error}")
    print(f"{len(paths)} compiled programs, {faults} that do not load")
    if faults:
        raise typer.Exit(FAILED)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())

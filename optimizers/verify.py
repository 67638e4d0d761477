"""python -m optimizers.verify: does every compiled program load with the current code?"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import FAILED, new_app, run

app = new_app("Check that every compiled program, shipped or your own, loads with the current code.")


@app.command()
def verify(
    files: Annotated[list[Path] | None, typer.Argument(help="Compiled JSONs. Default: all that `load` can find.")] = None,
    module: Annotated[str | None, typer.Option(help="The program of these files, if it is your own.")] = None,
) -> None:
    """Print one line per file; exit with 2 if one does not load."""
    from dspy_programs.registry import all_compiled, folder_name, program_named

    if module:
        program_named(module)  # an unknown name raises and lists the known ones
    paths = files or [path for path in all_compiled() if module is None or path.parent.name == folder_name(module)]
    found = Counter(verdict(path, module, bool(files)) for path in paths)
    print(f"{len(paths)} compiled programs, {found['FAILS']} do not load" + elsewhere(found["not here"]))
    if found["FAILS"]:
        raise typer.Exit(FAILED)


def verdict(path: Path, module: str | None, given: bool) -> str:
    """Print and return whether a file loads: "ok", "FAILS", or "not here" if its program lives in another folder."""
    from dspy_programs.errors import ProgramsError, UsageError
    from dspy_programs.registry import load, read_compiled, require_known

    result, said = "ok", str(path)
    try:
        name = read_compiled(path).provenance.program
        if given or name == module:
            require_known(name, path, module)
        load(name, path=path)
    except UsageError as error:
        result, said = ("FAILS" if given or module else "not here"), str(error) if given or module else said
    except ProgramsError as error:
        result, said = "FAILS", str(error)
    print(f"{result:6} {said}")
    return result


def elsewhere(number: int) -> str:
    return f", {number} for programs not found here: run from their folder, or give --module" if number else ""


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())

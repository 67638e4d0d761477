"""python -m optimizers.export --module planner --to planner.json: a compiled program for stock DSPy."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import LmOption, new_app, run
from optimizers.cli import MODULES

app = new_app("Write a compiled program as the JSON that stock `dspy.Module.load` reads.")


@app.command()
def export(
    module: Annotated[str, typer.Option(help=MODULES.replace(", or all", ""))],
    to: Annotated[Path, typer.Option(help="The file to write.")],
    lm: LmOption = None,
    path: Annotated[Path | None, typer.Option(help="A compiled JSON instead of the one that `load` takes.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Write a compiled program as the JSON that stock `dspy.Module.load` reads.

    It holds instructions and demonstrations as DSPy's own `save` writes them, without our notes on data and scores.
    """
    from dspy_programs.compiled_store import in_use, read_compiled, reasons
    from dspy_programs.errors import CompiledMissing, UsageError
    from dspy_programs.lm import spec_in_use
    from dspy_programs.registry import program_class
    from optimizers.past import require_fit
    from optimizers.promotion import export_stock

    program, spec = program_class(module), spec_in_use(lm)
    file = path or in_use(module, spec)
    if file is None:
        raise CompiledMissing(
            f"{module} is not compiled for {spec}. Compile it: python -m optimizers.train --module {module} --lm {spec}"
        )
    if to.exists() and not force:
        raise UsageError(f"{to}: is there already; --force replaces it")
    compiled = read_compiled(file, module, None if path else spec)
    require_fit(compiled, file)
    export_stock(file, to)
    print(f"wrote {to}, from {file}. To read it:")
    for line in usage(program.__name__, reasons(compiled.provenance.fields), to):
        print(line)


def usage(name: str, thinks: bool, to: Path) -> Iterator[str]:
    """Say how the file is read. thinks: it was compiled with chain of thought, which the class as it is written has not."""
    yield f"  from dspy_programs import {name}"
    if thinks:
        yield "  from dspy_programs.reasoning import add_reasoning"
    yield f"  program = add_reasoning({name}())" if thinks else f"  program = {name}()"
    yield f"  program.load({str(to)!r})"


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())

"""python -m optimizers.build planner --raw DIR: rebuild a program's rows from their source, bit for bit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import new_app, run
from optimizers.cli import MODULES, require_checkout

app = new_app("Build datasets/<module>/{train,val,test,transfer_val,transfer_test}.jsonl from the raw data its card names.")


@app.command()
def build(
    module: Annotated[str, typer.Argument(help=MODULES.removesuffix(", or all."))],
    raw: Annotated[Path, typer.Option(help="Folder with the raw files.")],
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: the module's folder in datasets/.")] = None,
) -> None:
    """Check every row, then write all splits or none; print rows and SHA-256 of each.

    The transfer rows come from different sources; if DIR lacks those, a line says so.
    """
    import tempfile

    from dspy_programs.errors import UsageError
    from optimizers.data import as_jsonl, data_directory, read_split, sha256
    from optimizers.recipes import recipe as recipe_of

    require_checkout("building rows")
    from optimizers.sources import BUILDERS

    recipe = recipe_of(module)
    if recipe.name not in BUILDERS:
        raise UsageError(f"{module}: only our own programs have builders: {', '.join(BUILDERS)}")
    builder = BUILDERS[recipe.name]
    target = out or data_directory(module)
    splits = dict(builder.build(raw))
    if builder.transfer is None:
        typer.echo(f"{module} has no transfer rows: its card says why", err=True)
    elif missing := builder.transfer.missing(raw):
        typer.echo(f"transfer_val and transfer_test are not built: {raw} has no {', no '.join(missing)}", err=True)
    else:
        splits |= builder.transfer.build(raw, splits)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as folder:
        made = {split: Path(folder) / f"{split}.jsonl" for split in splits}
        for split, file in made.items():
            file.write_bytes(as_jsonl(splits[split]))
            read_split(file, recipe.new_program, recipe.labels)
        for split, file in made.items():
            print(f"{split:13} {len(splits[split]):5} rows  sha256 {sha256(file.read_bytes())}")
            file.replace(target / file.name)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())

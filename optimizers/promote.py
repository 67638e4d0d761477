"""python -m optimizers.promote runs/planner/...: put a run's result into use; the previous program is kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import new_app, run

if TYPE_CHECKING:
    from optimizers.promotion import Entry

app = new_app("Put a compiled program into use instead of the one that `load` uses now, which is kept.")


@app.command()
def promote(
    source: Annotated[Path, typer.Argument(help="A run folder with a compiled.json, or a compiled JSON.")],
    module: Annotated[str | None, typer.Option(help="The program, if it is your own.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Promote it despite any objection.")] = False,
) -> None:
    """Put a compiled program into use instead of the one that `load` uses now, which is kept.

    Prints both scores and how to undo it. A program that was not tested, or did not beat the one in use on the same
    validation rows, needs --force.
    """
    from dspy_programs.errors import UsageError
    from optimizers.promotion import checked_place, current, promoting as promotion

    file = _compiled_of(source)
    new = promotion.look_at(file, module)
    now = current(checked_place(new.program, new.lm))
    print(f"{new.program} for {new.lm}")
    print(f"in use  {scores_line(now)}")
    print(f"new     {scores_line(new)}")
    same = now is not None and now.digest == new.digest
    found = [] if same else promotion.doubts(new, now)
    if found and not force:
        raise UsageError(f"{file} was not promoted: {'; '.join(found)}. To promote it anyway, add --force")
    for doubt in found:
        print(f"forced  despite this: {doubt}")
    done = promotion.promote(file, new.program, new.lm)
    assert done.now is not None
    if not done.changed:
        print(f"already in use, nothing changed: {done.now.path}")
        return
    print(f"now in use: {done.now.path}")
    if done.before and not done.before.shipped:
        print(f"the previous program is kept: {done.before.path}")
    print(f"to undo: python -m optimizers.rollback --module {new.program} --lm {new.lm}")


def _compiled_of(source: Path) -> Path:
    """Return the compiled program of a run folder, or the file itself."""
    from dspy_programs.errors import UsageError

    file = source / "compiled.json" if source.is_dir() else source
    if not file.is_file():
        what = "this folder has no compiled.json, so no run has finished in it" if source.is_dir() else "no such file"
        raise UsageError(f"{source}: {what}; give a run folder or a compiled JSON")
    return file


def scores_line(entry: "Entry | None") -> str:
    from optimizers.history import test_of, validation_of

    if entry is None:
        return "the uncompiled program"
    where = "shipped" if entry.shipped else entry.path
    return f"{entry.digest[:8]}  validation {validation_of(entry)}  test {test_of(entry)}  ({where})"


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())

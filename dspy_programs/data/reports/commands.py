"""python -m dspy_programs data visualize, report, diff: thin commands over this part."""

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.data.options import DataOption, JsonOption, NameOption, print_result

if TYPE_CHECKING:
    from dspy_programs.data.folder import DataFolder

_OUTPUT = typer.Option("-o", "--output", help="The page. Default: reports/DATASET/index.html, beside the data folder.")


def visualize(
    dataset: NameOption,
    output: Annotated[Path | None, _OUTPUT] = None,
    png: Annotated[Path | None, typer.Option(help="Write each chart into this folder too, as a PNG. Needs matplotlib.")] = None,
    data: DataOption = Path("data"),
) -> None:
    """Show everything known about a data set on one page: lengths, categories, checks, near duplicates, judgments, agreement,
    labels, cycles. The page needs no network and no script."""
    from dspy_programs.cli import show_progress
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.reports.overview import files_of, overview_of
    from dspy_programs.data.reports.page import page_of
    from dspy_programs.data.reports.pictures import pictures_of, require_matplotlib
    from dspy_programs.text import quantity

    if png:
        require_matplotlib()
    folder = DataFolder(data)
    folder.existing(dataset)
    out = output or folder.reports(dataset) / "index.html"
    _require_free(out, files_of(folder, dataset))
    with show_progress("reading") as progress:
        found = overview_of(folder, dataset, progress)
    _write(out, page_of(found))
    typer.echo(f"{out}: {quantity(found.pairs, 'pair')}")
    if png:
        pictures = list(pictures_of(found))
        for name, picture in pictures:
            _write(png / name, picture)
        typer.echo(f"{png}: {quantity(len(pictures), 'picture')}")
    for note in found.notes:
        typer.echo(note, err=True)


def report(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The page. Default: reports/index.html, beside the data folder.")
    ] = None,
    data: DataOption = Path("data"),
) -> None:
    """Show every data set of the folder on one page, with a table of all at the top."""
    from dspy_programs.cli import show_progress
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.reports.overview import files_of, overview_of
    from dspy_programs.data.reports.page import page_of
    from dspy_programs.errors import UsageError
    from dspy_programs.text import quantity

    folder = DataFolder(data)
    names = folder.names()
    if not names:
        raise UsageError(f"no data sets in {data}; make one: dspy-programs data ingest -i FILE -n NAME")
    out = output or folder.all_reports / "index.html"
    _require_free(out, [path for name in names for path in files_of(folder, name)])
    with show_progress("reading") as progress:
        found = [overview_of(folder, name, progress) for name in names]
    _write(out, page_of(*found))
    typer.echo(f"{out}: {quantity(len(found), 'data set')}")
    for each in found:
        for note in each.notes:
            typer.echo(f"{each.name}: {note}", err=True)


def diff(
    before: Annotated[str, typer.Argument(help="A data set, or a file of pairs.")],
    after: Annotated[str, typer.Argument(help="What to compare it with.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write every change to this file, one per line.")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, max=1000, help="How many changes of each kind to show.")] = 3,
    data: DataOption = Path("data"),
    as_json: JsonOption = False,
) -> None:
    """Say which pairs were added, removed or changed between two data sets: by id, and by instruction, input and context.

    The order of the pairs does not count. For their scores: data score-diff.
    """
    from dspy_programs.atomic_file import opened_atomically
    from dspy_programs.cli import show_progress
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.reports.difference import What, pairs_diff
    from dspy_programs.data.reports.show import lines_of_difference

    folder = DataFolder(data)
    paths = [_pairs_at(folder, each) for each in (before, after)]
    if output:
        _require_free(output, paths)
    kinds: tuple[What, ...] = ("changed", "removed", "added")
    with show_progress("comparing") as progress, pairs_diff(paths[0], paths[1], progress) as found:
        if output:
            with opened_atomically(output) as file:
                file.writelines(change.as_line() for kind in kinds for change in found.changes(kind))
        shown = [change for kind in kinds for change in islice(found.changes(kind), examples)]
        content = {**found.counts(), "examples": [json.loads(change.as_line()) for change in shown]}
        print_result(content, lines_of_difference(found, shown, output), as_json)


def _pairs_at(folder: "DataFolder", given: str) -> Path:
    """Return the file of a data set, or the file itself. Raises UsageError."""
    from dspy_programs.errors import UsageError

    path = Path(given)
    if path.is_file():
        return path
    if "/" in given or path.suffix == ".jsonl":
        raise UsageError(f"{given}: no such file")
    return folder.existing(given)


def _require_free(output: Path, inputs: list[Path]) -> None:
    from dspy_programs.atomic_file import require_apart, require_writable

    require_apart([output], inputs)
    require_writable(output)


def _write(path: Path, page: bytes) -> None:
    from dspy_programs.atomic_file import write_atomically

    write_atomically(path, page)

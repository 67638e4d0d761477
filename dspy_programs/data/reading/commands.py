"""dspy-programs data init, ingest, ls, info."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dspy_programs.data.folder import DataFolder
from dspy_programs.data.options import DataOption
from dspy_programs.data.reading.sources import Format
from dspy_programs.errors import UsageError
from dspy_programs.text import printable, quantity

_DATA = Path("data")


def init(data: DataOption = _DATA) -> None:
    """Make the folders for data, checkpoints and reports, and print them."""
    folder = DataFolder(data)
    for path in (folder.root, folder.checkpoints, folder.all_reports):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path}: cannot be made: {error.strerror or error}") from error
        typer.echo(path)


def ingest(
    source: Annotated[
        str, typer.Option("--input", "-i", help="A file, - for standard input, a folder of `datasets`, or hf://OWNER/NAME.")
    ],
    name: Annotated[str, typer.Option("--name", "-n", help="The data set's name. Default: the file's, without suffix.")] = "",
    data: DataOption = _DATA,
    format_: Annotated[Format, typer.Option("--format", "-f", help="auto: by the suffix; standard input is jsonl.")] = "auto",
    hf_split: Annotated[str | None, typer.Option(help="Which split of a Hugging Face data set.")] = None,
    map_: Annotated[
        list[str],
        typer.Option("--map", help="ours=theirs,...: the column of each field, as in instruction=q,output=a.text."),
    ] = [],  # noqa: B006  typer copies it
    tag: Annotated[str, typer.Option(help="A tag written to the data set and to each pair.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Take at most this many pairs.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what the first 3 pairs would be; write nothing.")] = False,
) -> None:
    """Make a data set of a file's rows. Rows that are not taken are listed in NAME.rejects.jsonl, each with the reason.

    A row may have any usual shape: Alpaca, prompt and completion, messages (ChatML, OpenAI), ShareGPT, chosen and rejected.
    A line longer than 1,000,000 bytes is not taken.
    """
    from dspy_programs.cli import show_progress
    from dspy_programs.data.reading.columns import mapping_of
    from dspy_programs.data.reading.ingesting import ingest as ingest_rows
    from dspy_programs.data.reading.sources import source_of

    mapping = mapping_of(map_)
    if dry_run:
        _show(source, format_, hf_split, mapping, tag, limit)
        return
    name = name or source_of(source, format_, hf_split).name
    with show_progress("ingesting") as progress:
        made = ingest_rows(
            source,
            name,
            DataFolder(data),
            format=format_,
            split=hf_split,
            mapping=mapping,
            tag=tag,
            limit=limit,
            progress=progress,
        )
    typer.echo(f"Ingested {quantity(made.pairs, 'pair')} -> {made.path} ({_counts(made.shapes)})")
    if alone := made.shapes.get("prompt-only"):
        typer.echo(f"{quantity(alone, 'pair')} without an output; if a column has it: --map output=COLUMN", err=True)
    if made.rejects:
        rows = quantity(sum(made.rejects.values()), "row")
        typer.echo(f"Not taken: {rows} -> {DataFolder(data).rejects(name)} ({_counts(made.rejects)})")


def _show(source: str, format_: str, split: str | None, mapping: Mapping[str, str], tag: str, limit: int | None) -> None:
    from dspy_programs.data.reading.ingesting import preview

    shown = preview(source, format=format_, split=split, mapping=mapping, tag=tag, count=min(3, limit or 3))
    for reject in shown.rejects:
        typer.echo(printable(f"line {reject.line}: not taken: {reject.reason}"), err=True)
    for pair in shown.pairs:
        typer.echo(printable(json.dumps(pair, ensure_ascii=False)))


def ls(data: DataOption = _DATA) -> None:
    """List the data sets: pairs, rows not taken, when each was made, and which other files it has."""
    folder = DataFolder(data)
    names = folder.names()
    if not names:
        typer.echo(f"no data sets in {data}; make one: dspy-programs data ingest -i FILE -n NAME", err=True)
    for name in names:
        meta = _meta(folder, name)
        more = ", ".join(what for what, path in _artefacts(folder, name).items() if path.exists())
        typer.echo(
            f"{name:<24} {meta.get('row_count', '?')!s:>9} pairs {meta.get('rejects', '?')!s:>7} not taken  "
            f"{meta.get('created_at', '')!s:<26} {more}".rstrip()
        )


def info(
    name: Annotated[str, typer.Argument(help="The data set's name.")],
    data: DataOption = _DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is known about a data set and which files it has."""
    import hashlib

    folder = DataFolder(data)
    with folder.existing(name).open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    meta = _meta(folder, name)
    found = {
        **meta,
        "unchanged": meta.get("checksum") == checksum,
        "files": {what: str(path) for what, path in _artefacts(folder, name).items() if path.exists()},
    }
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for field, value in found.items():
        typer.echo(printable(f"{field:<16} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"))


def _meta(folder: DataFolder, name: str) -> dict[str, Any]:
    try:
        meta = json.loads(folder.meta(name).read_bytes())
    except (OSError, ValueError):  # made by hand, or by another command
        return {}
    return meta if isinstance(meta, dict) else {}


def _artefacts(folder: DataFolder, name: str) -> dict[str, Path]:
    tagged = sorted((folder.root / "judgments").glob(f"{name}.*.jsonl"))
    return {
        "pairs": folder.pairs(name),
        "rejects": folder.rejects(name),
        "validation": folder.validation(name),
        **{f"judgments {path.stem.removeprefix(f'{name}.')}": path for path in tagged},
        "labels": folder.labels(name),
        "reports": folder.reports(name),
    }


def _counts(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())

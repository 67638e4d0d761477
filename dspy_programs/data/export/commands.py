"""python -m dspy_programs data export, push, notebook: pairs out of a data set."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dspy_programs.data.labels.commands import DataOption, DatasetOption, JudgmentsOption
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity

if TYPE_CHECKING:
    from dspy_programs.data.export.formats import FormatName

FilterOption = Annotated[
    str | None, typer.Option("--filter", metavar="EXPR", help="Which pairs, such as: scores['overall'] >= 7 and category == 'qa'")
]
WhereLabelOption = Annotated[
    str | None, typer.Option(metavar="STATUS", help="Only pairs with this label: approved, or several: approved,needs_edit.")
]


def export(
    dataset: DatasetOption,
    to: Annotated[Path, typer.Option(help="The file; with --split, NAME.PART.EXT beside it. Its ending says the kind of file.")],
    format: Annotated[
        str | None,
        typer.Option(help="jsonl, json, csv, parquet, alpaca, chatml, sharegpt, dpo, openai or dspy. Default: as the file's name says."),
    ] = None,
    filter: FilterOption = None,
    judgments: JudgmentsOption = None,
    where_label: WhereLabelOption = None,
    split: Annotated[str | None, typer.Option(help="Parts and shares, such as train=.8,test=.2; they sum to 1.")] = None,
    seed: Annotated[int, typer.Option(help="Which rows are in which part.")] = 42,
    by: Annotated[
        str,
        typer.Option(
            help="What stays in one part. hash: the same question; group: nearly the same, too; or a field: category, metadata.KEY."
        ),
    ] = "hash",
    data: DataOption = Path("data"),
) -> None:
    """Write a data set as files to train with, and a data card beside them. Edited pairs are written as edited."""
    from dspy_programs.cli import show_progress
    from dspy_programs.data.export.card import card_of
    from dspy_programs.data.export.containers import Target, format_of
    from dspy_programs.data.export.export import export as write
    from dspy_programs.data.export.grouping import group_of
    from dspy_programs.data.export.selecting import described, selection_of
    from dspy_programs.data.export.splits import shares_of
    from dspy_programs.data.folder import DataFolder

    folder, kind = DataFolder(data), checked_format(format) if format else format_of(to)
    shares, grouping = shares_of(split) if split else None, group_of(by)
    target = Target.of(to, kind)
    folder.existing(dataset)
    selection = selection_of(folder, dataset, filter, judgments, where_label)
    how = f" Split by {by}, seed {seed}: {split}." if split else ""
    command = shlex.join(["dspy-programs", *sys.argv[1:]])
    with show_progress("exporting") as progress:
        done = write(
            folder,
            dataset,
            to,
            kind,
            selection,
            shares,
            seed,
            grouping,
            lambda exported: card_of(exported, folder, target.mark(), command, described(selection) + how),
            progress,
        )
    for part in done.parts:
        print(f"{part.path}: {quantity(part.rows, 'row')}")
    for why, count in done.left_out.most_common():
        print(f"{quantity(count, 'pair')} left out: {why}", file=sys.stderr)
    print(f"{done.card}: the data card", file=sys.stderr)


def checked_format(name: str) -> "FormatName":
    from dspy_programs.data.export.formats import FORMATS

    if name not in FORMATS:
        raise UsageError(f"--format {name!r}: choose from {', '.join(FORMATS)}")
    return cast("FormatName", name)

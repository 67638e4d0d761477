"""python -m dspy_programs data export, push, notebook: pairs out of a data set."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dspy_programs.data.labels.commands import JudgmentsOption
from dspy_programs.data.options import DataOption, NameOption
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity

if TYPE_CHECKING:
    from dspy_programs.data.export.export import Exported
    from dspy_programs.data.export.formats import FormatName

FilterOption = Annotated[
    str | None,
    typer.Option("--filter", metavar="EXPR", help="Which pairs: scores['overall'] >= 7 and category == 'qa'"),
]
WhereLabelOption = Annotated[
    str | None, typer.Option(metavar="STATUS", help="Only pairs with this label: approved, or several: approved,needs_edit.")
]


def export(
    dataset: NameOption,
    to: Annotated[Path, typer.Option(help="The file; with --split, STEM.PART.EXT beside it, or a folder for PART.jsonl.")],
    format: Annotated[
        str | None,
        typer.Option(help="jsonl, json, csv, parquet, alpaca, chatml, sharegpt, dpo, openai or dspy. Default: the ending."),
    ] = None,
    filter: FilterOption = None,
    judgments: JudgmentsOption = None,
    where_label: WhereLabelOption = None,
    split: Annotated[str | None, typer.Option(help="Parts and shares, such as train=.8,test=.2; they sum to 1.")] = None,
    seed: Annotated[int, typer.Option(help="Which rows are in which part.")] = 42,
    by: Annotated[
        str,
        typer.Option(
            help="What stays together. hash: the same question; group: nearly the same; or a field: category, metadata.KEY."
        ),
    ] = "hash",
    data: DataOption = Path("data"),
) -> None:
    """Write a data set as files to train with, and a data card beside them. Edited pairs are written as edited."""
    from dspy_programs.data.export.containers import format_of

    kind = checked_format(format) if format else format_of(to)
    done = _exported(
        data, dataset, to, kind, filter, judgments, where_label, split, seed, by, ["export", "-d", dataset, "--to", str(to)]
    )
    for part in done.parts:
        print(f"{part.path}: {quantity(part.rows, 'row')}")
    if done.card:
        print(f"{done.card}: the data card", file=sys.stderr)


def checked_format(name: str) -> "FormatName":
    from dspy_programs.data.export.formats import FORMATS

    if name not in FORMATS:
        raise UsageError(f"--format {name!r}: choose from {', '.join(FORMATS)}")
    return name


def push(
    dataset: NameOption,
    repo: Annotated[str, typer.Option(help="OWNER/NAME on the Hugging Face hub.")],
    format: Annotated[str, typer.Option(help="As for export.")] = "jsonl",
    filter: FilterOption = None,
    judgments: JudgmentsOption = None,
    where_label: WhereLabelOption = None,
    split: Annotated[str | None, typer.Option(help="As for export.")] = None,
    seed: Annotated[int, typer.Option(help="As for export.")] = 42,
    by: Annotated[str, typer.Option(help="As for export.")] = "hash",
    public: Annotated[bool, typer.Option("--public", help="Anyone may read a repository that is made now.")] = False,
    data: DataOption = Path("data"),
) -> None:
    """Export a data set, with its card, to the Hugging Face hub: one commit of a private repository.

    The token is that of HF_TOKEN, or of `hf auth login`. To get it back: dspy-programs data ingest -i hf:OWNER/NAME -n NAME.
    """
    import tempfile

    from dspy_programs.data.export.hub import checked_repo, hub_token, push_export

    checked_repo(repo)
    hub_token()  # before any work
    kind = checked_format(format)
    with tempfile.TemporaryDirectory() as made:
        to = Path(made) / f"{dataset}.{kind if kind in ('json', 'csv', 'parquet') else 'jsonl'}"
        done = _exported(
            data, dataset, to, kind, filter, judgments, where_label, split, seed, by, ["push", "-d", dataset, "--repo", repo]
        )
        url = push_export(done, repo, not public)
    print(f"{url}: {quantity(done.rows, 'row')} in {quantity(len(done.parts), 'file')}")


def notebook(
    to: Annotated[Path, typer.Option(help="The notebook, such as train/sft.ipynb.")],
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", "--name", "-n", help="A data set: its rows are exported, too.")
    ] = None,
    train: Annotated[Path | None, typer.Option(help="Instead of --dataset: a file that data export wrote.")] = None,
    eval: Annotated[Path | None, typer.Option(help="With --train: a file to evaluate on.")] = None,
    method: Annotated[str, typer.Option(help="sft: learn the answers; dpo: prefer the better answer.")] = "sft",
    model: Annotated[str, typer.Option(help="A model on the hub, or a folder.")] = "HuggingFaceTB/SmolLM2-135M-Instruct",
    filter: FilterOption = None,
    judgments: JudgmentsOption = None,
    where_label: WhereLabelOption = None,
    seed: Annotated[int, typer.Option(help="Which tenth of the rows is for evaluation.")] = 42,
    data: DataOption = Path("data"),
) -> None:
    """Write a notebook that fine-tunes a small model with TRL, and the files that it reads: nine tenths to train on."""
    from dspy_programs.atomic_file import require_apart, write_atomically
    from dspy_programs.data.export.notebook import notebook_of

    if method not in ("sft", "dpo"):
        raise UsageError(f"--method {method!r}: choose sft or dpo")
    if (dataset is None) == (train is None) or (eval is not None and train is None):
        raise UsageError("give --dataset NAME, or --train FILE and maybe --eval FILE")
    if to.suffix != ".ipynb":
        raise UsageError(f"--to {to}: the name of a notebook ends with .ipynb")
    if dataset is not None:
        kind: FormatName = "chatml" if method == "sft" else "dpo"
        rows = to.with_suffix(".jsonl")
        done = _exported(
            data,
            dataset,
            rows,
            kind,
            filter,
            judgments,
            where_label,
            "train=.9,eval=.1",
            seed,
            "group",
            ["export", "-d", dataset, "--to", str(rows)],
        )
        files = {part.name: part.path for part in done.parts}
        for part in done.parts:
            print(f"{part.path}: {quantity(part.rows, 'row')}")
    else:
        if filter or judgments or where_label:
            raise UsageError("--filter, --judgments and --where-label choose pairs of a --dataset; a --train file has its rows")
        files = {"train": cast(Path, train), **({"eval": eval} if eval else {})}
    require_apart([to], files.values())
    write_atomically(to, notebook_of("sft" if method == "sft" else "dpo", to, files, model))
    print(f"{to}: {method} of {model}")


def _exported(
    data: Path,
    dataset: str,
    to: Path,
    kind: "FormatName",
    filter: str | None,
    judgments: str | None,
    where_label: str | None,
    split: str | None,
    seed: int,
    by: str,
    made_by: Sequence[str],
) -> "Exported":
    """Export, and say on standard error what was left out. made_by: the beginning of the command, for the card."""
    from dspy_programs.cli import show_progress
    from dspy_programs.data.export.card import card_of
    from dspy_programs.data.export.containers import Target
    from dspy_programs.data.export.export import export_pairs
    from dspy_programs.data.export.grouping import group_of
    from dspy_programs.data.export.selecting import described, selection_of
    from dspy_programs.data.export.splits import shares_of
    from dspy_programs.data.folder import DataFolder

    folder, shares, grouping = DataFolder(data), shares_of(split) if split else None, group_of(by)
    target = Target.of(to, kind, shares is not None)
    folder.existing(dataset)
    selection = selection_of(folder, dataset, filter, judgments, where_label)
    how = described(selection) + (f" Split by {by}, seed {seed}: {split}." if split else "")
    options = {"--format": kind, "--filter": filter, "--judgments": judgments, "--where-label": where_label, "--split": split}
    options |= {"--seed": str(seed), "--by": by} if split else {}
    said = [part for option, value in options.items() if value is not None for part in (option, value)]
    command = shlex.join(["dspy-programs", "data", *made_by, *said])
    with show_progress("exporting") as progress:
        done = export_pairs(
            folder,
            dataset,
            to,
            kind,
            selection,
            shares,
            seed,
            grouping,
            lambda exported: card_of(exported, folder, target.mark(), command, how),
            progress,
        )
    if selection.judgments:
        unjudged = f"; {quantity(done.unjudged, 'pair')} without one count as failed, with scores of 0" if done.unjudged else ""
        print(f"{selection.judgments.described()}{unjudged}", file=sys.stderr)
    for why, count in done.left_out.most_common():
        print(f"{quantity(count, 'pair')} left out: {why}", file=sys.stderr)
    return done

"""python -m dspy_programs data calibrate, compare: thin commands that measure judges."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dspy_programs.cli import GATE_CLOSED
from dspy_programs.data.options import DataOption, JsonOption, NameOption, print_result
from dspy_programs.errors import JudgeNotTrusted


def calibrate(
    dataset: NameOption,
    tag: Annotated[str, typer.Option(help="The judgments: a tag, or a file.")],
    data: DataOption = Path("data"),
    labels: Annotated[Path | None, typer.Option(help="Another file of labels. Default: the data set's.")] = None,
    approved_is: Annotated[str, typer.Option(help="The status that a passed pair should have.")] = "approved",
    negatives: Annotated[
        str, typer.Option(help="The statuses that a failed pair should have, separated by commas.")
    ] = "rejected",
    any_labeler: Annotated[
        bool,
        typer.Option("--any-labeler", help="Also count labels that judgments made, though they prove nothing."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: reports/DATASET/calibrate.TAG.json, beside the data folder.")
    ] = None,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 if the judge is no better than chance.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a judge against people's labels: precision, recall, F1, kappa, the best threshold, by category; with intervals.

    Labels that are neither approved nor negative leave their pair out: one that was skipped says nothing.
    """
    from dspy_programs.atomic_file import require_apart
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.calibration import require_trusted
    from dspy_programs.data.judging.measuring import calibration_of
    from dspy_programs.data.judging.show import lines_of_calibration
    from dspy_programs.data.judging.tags import judgments_at

    folder = DataFolder(data)
    path, name = judgments_at(folder, dataset, tag)
    out = output or folder.reports(dataset) / f"calibrate.{name}.json"
    require_apart([out], [path, labels or folder.labels(dataset), folder.pairs(dataset)])
    against = [status.strip() for status in negatives.split(",") if status.strip()]
    found = calibration_of(folder, dataset, tag, labels, approved_is, against, any_labeler)
    _write(out, found.model_dump(mode="json"))
    print_result(found.model_dump(mode="json"), lines_of_calibration(found, str(out)), as_json)
    if gate:
        try:
            require_trusted(found)
        except JudgeNotTrusted as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(GATE_CLOSED) from None


def compare_judgments(
    dataset: NameOption,
    tags: Annotated[str | None, typer.Option(help="Two or more, separated by commas. Default: all of the data set's.")] = None,
    data: DataOption = Path("data"),
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: reports/DATASET/compare.json, beside the data folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs of judges over one data set: agreement, kappa and correlation of each two, Fleiss' kappa of all."""
    from dspy_programs.atomic_file import require_apart
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.measuring import comparison_of
    from dspy_programs.data.judging.show import lines_of_comparison
    from dspy_programs.data.judging.tags import judgments_at, tags_of

    folder = DataFolder(data)
    names = [tag.strip() for tag in tags.split(",") if tag.strip()] if tags else tags_of(folder, dataset)
    out = output or folder.reports(dataset) / "compare.json"
    require_apart([out], [judgments_at(folder, dataset, name).path for name in names])
    found = comparison_of(folder, dataset, names)
    _write(out, found)
    print_result(found, lines_of_comparison(found, str(out)), as_json)


def _write(path: Path, content: Any) -> None:
    from dspy_programs.atomic_file import write_atomically

    write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

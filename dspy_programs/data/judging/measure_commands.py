"""python -m dspy_programs data calibrate, compare: thin commands that measure judges."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import GATE_CLOSED
from dspy_programs.data.judging.options import DataOption, JsonOption, NameOption, print_result
from dspy_programs.errors import JudgeNotTrusted, UsageError

if TYPE_CHECKING:
    from dspy_programs.data.folder import DataFolder


def calibrate(
    dataset: NameOption,
    tag: Annotated[str, typer.Option(help="Whose judgments: a tag, or a file of them.")],
    data: DataOption = Path("data"),
    labels: Annotated[Path | None, typer.Option(help="Another file of labels. Default: the data set's.")] = None,
    approved_is: Annotated[str, typer.Option(help="The status that a passed pair should have.")] = "approved",
    negatives: Annotated[str, typer.Option(help="The statuses that a failed pair should have, with commas.")] = "rejected",
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
    from dspy_programs.data.judging.calibration import calibrated, require_trusted
    from dspy_programs.data.judging.joined import Joined
    from dspy_programs.data.judging.show import lines_of_calibration
    from dspy_programs.data.pairs_file import read_pairs

    folder = DataFolder(data)
    path, name = _judgments_at(folder, dataset, tag)
    labels = labels or folder.labels(dataset)
    if not labels.is_file():
        raise UsageError(f"no labels of {dataset!r} at {labels}; label some pairs first: dspy-programs data label -d {dataset}")
    out = output or folder.reports(dataset) / f"calibrate.{name}.json"
    require_apart([out], [path, labels, folder.pairs(dataset)])
    against = _statuses(approved_is, negatives)
    with Joined() as joined:
        judges = joined.add_judgments(name, path)
        by_judge = joined.add_labels(labels, any_labeler)
        if (pairs := folder.pairs(dataset)).is_file():
            joined.add_pairs(read_pairs(pairs))
        found = calibrated(joined.labelled(name), judges, dataset, name, approved_is, against, by_judge)
    if not found.n_evaluated:
        statuses = ", ".join(f"{status} {count}" for status, count in found.labels.items()) or "no judged pair has a label"
        statuses += f"; {by_judge} labels are a judge's own (--any-labeler)" if by_judge else ""
        raise UsageError(f"nothing to calibrate with: {statuses}; label judged pairs as {approved_is} or {negatives}")
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
    tags: Annotated[str | None, typer.Option(help="Two or more, with commas. Default: all of the data set's.")] = None,
    data: DataOption = Path("data"),
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: reports/DATASET/compare.json, beside the data folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs of judges over one data set: agreement, kappa and correlation of each two, Fleiss' kappa of all."""
    from dspy_programs.atomic_file import require_apart
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.comparison import compared
    from dspy_programs.data.judging.joined import Joined
    from dspy_programs.data.judging.show import lines_of_comparison

    folder = DataFolder(data)
    names = [tag.strip() for tag in tags.split(",") if tag.strip()] if tags else _tags_there(folder, dataset)
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise UsageError(
            f"--tags: give two or more different tags; there are: {', '.join(_tags_there(folder, dataset)) or 'none'}"
        )
    out, files = output or folder.reports(dataset) / "compare.json", [_judgments_at(folder, dataset, name)[0] for name in names]
    require_apart([out], files)
    with Joined() as joined:
        for name, file in zip(names, files, strict=True):
            joined.add_judgments(name, file)
        found = compared(dataset, names, joined.common(names))
    if not found["n_common"]:
        raise UsageError(f"no pair has a judgment of each of {', '.join(names)}")
    _write(out, found)
    print_result(found, lines_of_comparison(found, str(out)), as_json)


def _judgments_at(folder: "DataFolder", dataset: str, tag: str) -> tuple[Path, str]:
    """Return the file that a tag or a path names, and its tag."""
    if (path := Path(tag)).suffix == ".jsonl" and path.is_file():
        return path, path.stem.removeprefix(f"{dataset}.")
    path = folder.judgments(dataset, tag)
    if not path.is_file():
        there = ", ".join(_tags_there(folder, dataset)) or f"none; judge first: dspy-programs data judge -d {dataset}"
        raise UsageError(f"no judgments of {dataset!r} under the tag {tag!r}; there are: {there}")
    return path, tag


def _tags_there(folder: "DataFolder", dataset: str) -> list[str]:
    files = folder.judgments(dataset, "x").parent.glob(f"{dataset}.*.jsonl")
    return sorted(path.name.removeprefix(f"{dataset}.").removesuffix(".jsonl") for path in files)


def _statuses(approved: str, negatives: str) -> list[str]:
    known = ("approved", "rejected", "needs_edit", "skipped")
    against = [status.strip() for status in negatives.split(",") if status.strip()]
    for status in (approved, *against):
        if status not in known:
            raise UsageError(f"unknown status {status!r}; choose from {', '.join(known)}")
    if approved in against or not against:
        raise UsageError(f"--negatives {negatives}: give statuses other than {approved}")
    return against


def _write(path: Path, content: Any) -> None:
    from dspy_programs.atomic_file import write_atomically

    write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

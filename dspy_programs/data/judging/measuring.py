"""Measure the judges of a data set by its files: against people's labels, and against each other.

Raises     UsageError where there is nothing to measure with; DatasetError for a line that is no judgment.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dspy_programs.data.folder import DataFolder
from dspy_programs.data.judging.calibration import Calibration, calibrated
from dspy_programs.data.judging.comparison import compared
from dspy_programs.data.judging.joined import Joined
from dspy_programs.data.judging.tags import judgments_at, there
from dspy_programs.data.labels.label import STATUSES
from dspy_programs.data.pairs_file import read_pairs
from dspy_programs.errors import UsageError


def calibration_of(
    folder: DataFolder,
    dataset: str,
    tag: str,
    labels: Path | None = None,
    approved_is: str = "approved",
    negatives: Sequence[str] = ("rejected",),
    any_labeler: bool = False,
) -> Calibration:
    """Measure the judge of a tag. labels: another file of them; any_labeler: with those that judgments made."""
    _require_statuses(approved_is, negatives)
    path, name = judgments_at(folder, dataset, tag)
    labels = labels or folder.labels(dataset)
    if not labels.is_file():
        raise UsageError(f"no labels of {dataset!r} at {labels}; label some pairs first: dspy-programs data label -d {dataset}")
    with Joined() as joined:
        judges = joined.add_judgments(name, path)
        read = joined.add_labels(labels, any_labeler)
        if (pairs := folder.pairs(dataset)).is_file():
            joined.add_pairs(read_pairs(pairs))
        found = calibrated(joined.labelled(name), judges, dataset, name, approved_is, negatives, read)
    if not found.n_evaluated:
        statuses = ", ".join(f"{status} {count}" for status, count in found.labels.items()) or "no judged pair has a label"
        statuses += f"; {read.by_judge} labels are a judge's own (--any-labeler)" if read.by_judge else ""
        against = " or ".join([approved_is, *negatives])
        raise UsageError(f"nothing to calibrate with: {statuses}; label judged pairs as {against}")
    return found


def comparison_of(folder: DataFolder, dataset: str, tags: Sequence[str]) -> dict[str, Any]:
    """Compare the judges of two or more tags."""
    if len(set(tags)) < 2 or len(set(tags)) < len(tags):
        raise UsageError(f"--tags: give two or more different tags; {there(folder, dataset)}")
    with Joined() as joined:
        for tag in tags:
            joined.add_judgments(tag, judgments_at(folder, dataset, tag).path)
        found = compared(dataset, tags, joined.common(list(tags)))
    if not found["n_common"]:
        raise UsageError(f"no pair has a judgment of each of {', '.join(tags)}")
    return found


def _require_statuses(approved: str, negatives: Sequence[str]) -> None:
    for status in (approved, *negatives):
        if status not in STATUSES:
            raise UsageError(f"unknown status {status!r}; choose from {', '.join(STATUSES)}")
    if approved in negatives or not negatives:
        raise UsageError(f"--negatives {','.join(negatives)}: give statuses other than {approved}")

"""All that is known of a data set, in figures: its pairs, checks, judgments, labels and cycles.

Guarantees what is not there is left out; a file that cannot be read is named in `notes`, and the rest is shown. Memory: 12
           bytes a pair, 16 bytes a judgment and a label.
Raises     UsageError for no such data set; DatasetError for a line that is no pair.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dspy_programs.cli import Progress
from dspy_programs.data.checks.report import ValidationReport
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.judging.joined import Joined
from dspy_programs.data.judging.measuring import comparison_of
from dspy_programs.data.judging.tags import tags_of
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.pairs_file import read_pairs
from dspy_programs.data.reports.clusters import Cluster, clusters_in
from dspy_programs.data.reports.cycles import Cycle, checkpoint_of, cycles_in
from dspy_programs.data.reports.judged import Judged, judged_in
from dspy_programs.data.reports.lengths import Lengths
from dspy_programs.errors import ProgramsError
from dspy_programs.text import shortened

_MOST_CATEGORIES = 10_000
_CLUSTERS_NAMED = 8
_LONGEST_TEXT = 160  # characters
_OFTEN = 1000
FIELDS = ("instruction", "input", "output")


@dataclass
class Overview:
    """counts of the checks as the report has them; agreement: as `compare` has it; None: not there."""

    name: str
    pairs: int = 0
    lengths: dict[str, Lengths] = field(default_factory=lambda: {name: Lengths() for name in FIELDS})
    categories: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    validation: ValidationReport | None = None
    clusters: list[Cluster] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    agreement: dict[str, Any] | None = None
    labels: Counter[str] = field(default_factory=Counter)
    labelers: Counter[str] = field(default_factory=Counter)
    cycles: list[Cycle] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def files_of(folder: DataFolder, name: str) -> list[Path]:
    """Return the files that an overview is made of, whether or not they are there."""
    judgments = [folder.judgments(name, tag) for tag in tags_of(folder, name)]
    checkpoint = checkpoint_of(folder, name)
    known = [folder.pairs(name), folder.validation(name), folder.labels(name), *judgments]
    return [*known, *([checkpoint] if checkpoint else [])]


def overview_of(folder: DataFolder, name: str, progress: Progress | None = None) -> Overview:
    path, found = folder.existing(name), Overview(name)
    _checks(found, folder.validation(name))
    _pairs(found, path, progress)
    _judgments(found, folder, path)
    _labels(found, LabelStore(folder.labels(name)))
    if checkpoint := checkpoint_of(folder, name):
        found.cycles = cycles_in(checkpoint)
    return found


def _checks(found: Overview, path: Path) -> None:
    if not path.is_file():
        return
    try:
        found.validation = ValidationReport.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        found.notes.append(f"{path}: no report of validate")
        return
    found.clusters = clusters_in(found.validation.issues)


def _pairs(found: Overview, path: Path, progress: Progress | None) -> None:
    named = {cluster.ids[0]: cluster for cluster in found.clusters[:_CLUSTERS_NAMED]}
    for pair in read_pairs(path):
        found.pairs += 1
        if progress and found.pairs % _OFTEN == 0:
            progress(found.pairs, 0)
        for name in FIELDS:
            found.lengths[name].add(len(getattr(pair, name)))
        category = pair.category or "(none)"
        if category in found.categories or len(found.categories) < _MOST_CATEGORIES:
            found.categories[category] += 1
        else:
            found.categories["(others)"] += 1
        found.kinds["preference" if pair.rejected is not None else "conversation" if pair.messages else "instruction"] += 1
        if named and (cluster := named.get(pair.identified().id)):
            cluster.text = shortened(f"{pair.instruction} {pair.input}".strip(), _LONGEST_TEXT)
    if found.validation and found.validation.total_pairs != found.pairs:
        found.notes.append(f"checked when there were {found.validation.total_pairs:,} pairs; run validate again")


def _judgments(found: Overview, folder: DataFolder, path: Path) -> None:
    tags = tags_of(folder, found.name)
    with Joined() as joined:
        if tags and (len(found.categories) > 1):
            joined.add_pairs(read_pairs(path))
        for tag in tags:
            try:
                judged = judged_in(tag, folder.judgments(found.name, tag))
                if len(found.categories) > 1:
                    joined.add_judgments(tag, folder.judgments(found.name, tag))
                    judged.by_category = {each: (count, passed) for each, count, passed in joined.passed_by_slice(tag)}
                found.judged.append(judged)
            except ProgramsError as error:
                found.notes.append(str(error))
    if len(found.judged) > 1:
        try:
            found.agreement = comparison_of(folder, found.name, [judged.tag for judged in found.judged])
        except ProgramsError as error:
            found.notes.append(str(error))


def _labels(found: Overview, store: LabelStore) -> None:
    for label in store.each():
        found.labels[label.status or "(edited only)"] += 1
        found.labelers[label.labeler or "(not said)"] += 1
    if store.broken:
        found.notes.append(f"{store.path}: {store.broken:,} broken lines of labels left out")

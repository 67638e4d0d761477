"""From a command's options to which pairs are meant, and that in words."""

from dspy_programs.data.export.export import Selection
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.judging.judged import Judgments
from dspy_programs.data.judging.tags import judgments_at
from dspy_programs.data.known_rows import filter_of
from dspy_programs.data.labels.label import STATUSES
from dspy_programs.errors import UsageError


def selection_of(folder: DataFolder, dataset: str, where: str | None, judgments: str | None, statuses: str | None) -> Selection:
    """judgments: a file or a tag; statuses: separated by commas. Raises UsageError."""
    judged = Judgments(judgments_at(folder, dataset, judgments).path) if judgments else None
    wanted = tuple(each.strip() for each in statuses.split(",")) if statuses is not None else ()
    if unknown := [each for each in wanted if each not in STATUSES]:
        raise UsageError(f"--where-label {unknown[0]!r}: choose from {', '.join(STATUSES)}")
    return Selection(filter_of(where, judged), wanted, judged)


def described(selection: Selection) -> str:
    said = [
        f"the filter `{selection.where.text.replace('`', chr(39))}`" if selection.where else "",
        f"the label {' or '.join(selection.statuses)}" if selection.statuses else "",
        f"judgments from {selection.judgments.path.name}" if selection.judgments else "",
    ]
    return f"By {', '.join(filter(None, said))}." if any(said) else "All pairs."

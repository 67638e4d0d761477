"""The labels of a data set, streamed from their file: lines are only ever added, and the last one of a pair counts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dspy_programs.errors import DatasetError, first_fault

Status = Literal["approved", "rejected", "needs_edit", "skipped"]
BY_JUDGE = "auto-from-judge"  # a labeler: such a label repeats a judgment


class LabelLine(BaseModel):
    """What somebody said of a pair. status: None takes back what was said."""

    model_config = ConfigDict(extra="ignore")

    pair_id: str
    status: Status | None
    tag: str | None = None
    note: str | None = None
    labeler: str | None = None
    labeled_at: str | None = None
    edit: dict[str, str] | None = None
    """Fields that were written anew; {} takes that back, None leaves it as it was."""


def read_labels(path: Path) -> Iterator[LabelLine]:
    """Yield each line's label, oldest first. Raises DatasetError with the line of what is none, but for a torn last one."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield LabelLine.model_validate_json(line)
            except ValidationError as error:
                if not line.endswith(b"\n"):
                    return  # cut off by a kill
                raise DatasetError(f"{path}:{number}: {first_fault(error, 'the line')}") from None

"""A label: one line of a file of labels, in the data flywheel's form with what is new after it.

Formats    {pair_id, status, tag, note, labeler, labeled_at, by, edit}. `edit` has the fields of the pair that a person wrote
           anew; {} takes an edit back; a line without one leaves it as it was. A status of null takes a label back.
"""

import getpass
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field as Default, field_validator

from dspy_programs.data.pair import DataPair, id_of

Status = Literal["approved", "rejected", "needs_edit", "skipped"]
STATUSES: tuple[Status, ...] = get_args(Status)
Labeler = Literal["interactive", "web", "bulk", "auto-from-judge"]
BY_JUDGE: Labeler = "auto-from-judge"  # such a label repeats a judgment
Field = Literal["instruction", "input", "output"]
EDITABLE: tuple[Field, ...] = get_args(Field)
Edit: TypeAlias = Mapping[Field, str]
REVISED_FROM = "revision_of"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def user() -> str:
    """Return who is at work: the name of the account, or DSPY_PROGRAMS_LABELER."""
    try:
        return os.environ.get("DSPY_PROGRAMS_LABELER") or getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return ""


class Label(BaseModel):
    """What is said of one pair."""

    model_config = ConfigDict(extra="ignore")

    pair_id: str
    status: Status | None
    tag: str = ""
    note: str = ""
    labeler: str = ""
    labeled_at: str = Default(default_factory=now)
    by: str = ""
    """Who: an account's name."""
    edit: dict[Field, str] | None = None

    @field_validator("tag", "note", "labeler", "labeled_at", "by", mode="before")
    @classmethod
    def _said(cls, value: object) -> object:
        """Take null for nothing, as the data flywheel writes it."""
        return "" if value is None else value

    def says_as(self, other: "Label | None") -> bool:
        """Return whether it says nothing that the other does not."""
        if other is None:
            return self.status is None and not self.edit
        same = (self.status, self.tag, self.note) == (other.status, other.tag, other.note)
        return same and self.edit in (None, other.edit or {})


def as_line(label: Label) -> bytes:
    return label.model_dump_json(exclude={"edit"} if label.edit is None else None).encode("utf-8", "replace") + b"\n"


def revised(pair: DataPair, edit: Edit | None) -> DataPair:
    """Return the pair as it was edited, with the id of its new content and the old id in its metadata."""
    if not edit:
        return pair
    changes: dict[str, Any] = {str(name): text for name, text in edit.items()}
    if pair.messages:
        changes["messages"] = _turns_revised(pair, edit)
    changed = pair.model_copy(update={**changes, "metadata": {**pair.metadata, REVISED_FROM: pair.id}})
    return changed.model_copy(update={"id": id_of(changed)})


def _turns_revised(pair: DataPair, edit: Edit) -> list[dict[str, Any]]:
    """Return a conversation with its first question and its last answer as they are now."""
    turns = [dict(turn) for turn in pair.messages or ()]
    asked = next((turn for turn in turns if turn.get("role") == "user"), None)
    answered = next((turn for turn in reversed(turns) if turn.get("role") == "assistant"), None)
    if asked is not None and "instruction" in edit:
        asked["content"] = edit["instruction"]
    if answered is not None and "output" in edit:
        answered["content"] = edit["output"]
    return turns

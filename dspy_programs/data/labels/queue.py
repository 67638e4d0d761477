"""The pairs that a person is shown, one after the other, and what they say of them: the same for the screen, the lines and
the page.

Guarantees each answer is on the disk before the next pair is shown, so that ending at any moment loses none; who labels the
           same data elsewhere at the same time is not asked twice; undo goes back through all answers since the start.
Raises     UsageError, DatasetError as the files' readers do; UsageError for an edit that leaves nothing to train on.
"""

from array import array
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from dspy_programs.data.expressions import Expression
from dspy_programs.data.judging.judged import Judgments
from dspy_programs.data.known_rows import Known, known_of, row_of
from dspy_programs.data.labels.label import Edit, Field, Label, Labeler, Status, now, revised, user
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.pair import DataPair
from dspy_programs.data.pairs_file import pair_at, placed_pairs
from dspy_programs.errors import UsageError
from dspy_programs.jsonable import sound


class _Answer(NamedTuple):
    number: int
    pair_id: str
    before: Label | None
    status: Status


class Queue:
    """The pairs without a label, or those of a filter."""

    def __init__(
        self,
        path: Path,
        store: LabelStore,
        labeler: Labeler,
        where: Expression | None = None,
        judgments: Judgments | None = None,
        tag: str = "",
    ) -> None:
        """labeler: how answers are given; tag: written to each."""
        self.path, self.store, self.labeler, self.tag = path, store, labeler, tag
        self._judgments = judgments
        self._places = array("Q")
        self._answers: list[_Answer] = []
        self._number = 0
        self._again = -1  # a pair that is shown though it has just been labelled: undone
        self.pairs = 0
        """How many the data set has."""
        self.counts: Counter[str] = Counter()
        """How many have each status."""
        for place, pair in placed_pairs(path):
            known = known_of(pair, store, judgments)
            self.pairs += 1
            if known.label and known.label.status:
                self.counts[known.label.status] += 1
            if where(row_of(known)) if where else not (known.label and known.label.status):
                self._places.append(place)
        if where:
            where.require_metadata()

    def __len__(self) -> int:
        """Return how many pairs are shown, answered ones included."""
        return len(self._places)

    @property
    def left(self) -> int:
        return len(self._places) - self._number

    @property
    def answered(self) -> int:
        """How many answers there were since the start, without those undone."""
        return len(self._answers)

    def current(self) -> Known | None:
        """Return the pair that is to be labelled now; None at the end."""
        self.store.refresh()
        while self._number < len(self._places):
            known = known_of(pair_at(self.path, self._places[self._number]), self.store, self._judgments)
            if self._number == self._again or not self.store.is_newer(known.original.id):
                return known
            self._number += 1  # somebody else has labelled it by now
        return None

    def answer(self, status: Status, edit: Edit | None = None, note: str = "") -> Label | None:
        """Say what the pair is, and go on to the next. edit: fields as they are to be. Returns None if none was left."""
        if (known := self.current()) is None:
            return None
        before = known.label
        label = Label(
            pair_id=known.original.id,
            status=status,
            tag=self.tag or (before.tag if before else ""),
            note=sound(note),
            labeler=self.labeler,
            labeled_at=now(),
            by=user(),
            edit=_changes(known.original, edit) if edit is not None else None,
        )
        self.store.append(label)
        self._answers.append(_Answer(self._number, label.pair_id, before, status))
        self._count(before, status)
        self._number += 1
        return label

    def undo(self) -> bool:
        """Take the last answer back, and show its pair again. Returns whether there was one."""
        if not self._answers:
            return False
        number, pair_id, before, status = self._answers.pop()
        label = before or Label(pair_id=pair_id, status=None)
        made = {"labeler": self.labeler, "labeled_at": now(), "by": user(), "edit": before.edit or {} if before else {}}
        self.store.append(label.model_copy(update=made))
        self.counts[status] -= 1
        if before and before.status:
            self.counts[before.status] += 1
        self._number = self._again = number
        return True

    def progress(self) -> str:
        """Return one line: how far this is, and the labels of the whole data set."""
        labels = ", ".join(f"{count:,} {status}" for status, count in sorted(self.counts.items()) if count)
        done = min(self._number + 1, len(self._places))
        return f"{done:,} of {len(self._places):,} · {labels or 'no labels'} · {self.pairs:,} pairs"

    def _count(self, before: Label | None, status: Status) -> None:
        if before and before.status:
            self.counts[before.status] -= 1
        self.counts[status] += 1


def _changes(original: DataPair, edit: Edit) -> dict[Field, str]:
    """Return what differs from the data set. Raises UsageError for an edit that leaves nothing to train on."""
    changes = {name: sound(text) for name, text in edit.items() if sound(text) != getattr(original, name)}
    changed = revised(original, changes)
    if not changed.instruction.strip() and not changed.input.strip():
        raise UsageError("an edit that leaves no instruction and no input; reject the pair instead")
    if not changed.output.strip():
        raise UsageError("an edit that leaves no output; reject the pair instead")
    return changes

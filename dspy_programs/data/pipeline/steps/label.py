"""The step `label`: labels for many pairs, by a filter or from a judge."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from dspy_programs.cli import Progress
from dspy_programs.data.expressions import Expression
from dspy_programs.data.judging.judged import Judgments
from dspy_programs.data.known_rows import Known, filter_of
from dspy_programs.data.labels.label import Status
from dspy_programs.data.labels.many import BY_PEOPLE, REJECT_BELOW, Verdict, by_filter, by_judge, label_many
from dspy_programs.data.labels.store import LabelStore
from dspy_programs.data.pipeline.step import Outcome, Place, Step, check_filter, judgments_path, resolved
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity


class Label(Step):
    """Label in bulk, or as a judge found. What people said of a pair stays, but with `over_people: true`."""

    kind: ClassVar[str] = "label"
    appends: ClassVar[bool] = True
    mode: Literal["bulk", "auto-from-judge"] = "auto-from-judge"
    where: str | None = None
    set_status: Status | None = None
    tag: str = ""
    note: str = ""
    judgments: str | None = None
    reject_below: float = Field(default=REJECT_BELOW, ge=0, le=10)
    """Of 10."""
    over_people: bool = False

    def check(self, at: Place) -> None:
        if self.mode == "bulk" and (self.where is None or self.set_status is None):
            raise UsageError("mode bulk needs where and set_status")
        if self.mode == "auto-from-judge" and (self.judgments is None or self.set_status is not None):
            raise UsageError("mode auto-from-judge needs judgments, and takes no set_status")
        check_filter(self.where, self.judgments, at)

    def settings(self, at: Place) -> Mapping[str, Any]:
        return {"judgments": resolved(self.judgments, at)}

    def reads(self, at: Place) -> list[Path]:
        judgments = resolved(self.judgments, at)
        return [at.folder.pairs(at.dataset), *([judgments_path(judgments, at)] if judgments else [])]

    def needs(self, at: Place) -> list[Path]:
        judgments = resolved(self.judgments, at)
        return [judgments_path(judgments, at)] if judgments else []

    def writes(self, at: Place) -> list[Path]:
        return [at.folder.labels(at.dataset)]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        judgments = resolved(self.judgments, at)
        judged = Judgments(judgments_path(judgments, at)) if judgments else None
        where, store = filter_of(self.where, judged), LabelStore(at.folder.labels(at.dataset))
        verdict = self._verdict(where, judged)
        tally = label_many(at.folder.existing(at.dataset), store, judged, verdict, self.mode, self.note, True, where, progress)
        store.path.parent.mkdir(parents=True, exist_ok=True)
        store.path.touch()  # there are no labels, which is not that it was never done
        written = ", ".join(f"{count:,} {status}" for status, count in sorted(tally.written.items()))
        return Outcome(f"{quantity(tally.written.total(), 'new label')}{': ' if written else ''}{written}")

    def _verdict(self, where: Expression | None, judged: Judgments | None) -> Verdict:
        if self.mode == "bulk" and where and self.set_status:
            verdict = by_filter(where, self.set_status, self.tag)
        else:
            scale = judged.scale if judged else 10
            verdict = by_judge(self.reject_below * scale / 10, where, self.tag)

        def unless_people_spoke(known: Known) -> tuple[Status, str] | None:
            spoke = known.label is not None and known.label.labeler in BY_PEOPLE
            return verdict(known) if self.over_people or not spoke else None

        return unless_people_spoke

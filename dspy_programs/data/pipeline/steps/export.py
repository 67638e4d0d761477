"""The step `export`: files to train with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from dspy_programs.cli import Progress
from dspy_programs.data.export.card import card_of
from dspy_programs.data.export.containers import Target, format_of
from dspy_programs.data.export.export import export_pairs
from dspy_programs.data.export.formats import FormatName
from dspy_programs.data.export.grouping import group_of
from dspy_programs.data.export.selecting import described, selection_of
from dspy_programs.data.export.splits import shares_of
from dspy_programs.data.labels.label import STATUSES
from dspy_programs.data.pipeline.step import Outcome, Place, Step, check_filter, judgments_path, resolved
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity


class Export(Step):
    """Write files to train with, and a data card beside them."""

    kind: ClassVar[str] = "export"
    to: str
    format: FormatName | None = None
    filter: str | None = None
    judgments: str | None = None
    where_label: list[str] | str | None = None
    split: dict[str, float] | str | None = None
    seed: int = 42
    by: str = "hash"

    def check(self, at: Place) -> None:
        check_filter(self.filter, self.judgments, at)
        group_of(self.by)
        self._target()
        if unknown := [each for each in self._statuses() or [] if each not in STATUSES]:
            raise UsageError(f"where_label {unknown[0]!r}: choose from {', '.join(STATUSES)}")

    def _statuses(self) -> list[str] | None:
        given = self.where_label.split(",") if isinstance(self.where_label, str) else self.where_label
        return given and [each.strip() for each in given]

    def _split(self) -> str | None:
        if isinstance(self.split, dict):
            return ",".join(f"{name}={share!r}" for name, share in self.split.items())
        return self.split

    def _shares(self) -> Mapping[str, float] | None:
        return shares_of(split) if (split := self._split()) else None

    def _target(self) -> Target:
        return Target.of(Path(self.to), self.format or format_of(Path(self.to)), self._shares() is not None)

    def settings(self, at: Place) -> Mapping[str, Any]:
        return {"judgments": resolved(self.judgments, at)}

    def reads(self, at: Place) -> list[Path]:
        """Also the labels: pairs are written as they were edited."""
        judgments = resolved(self.judgments, at)
        files = [at.folder.pairs(at.dataset), at.folder.labels(at.dataset)]
        return [*files, *([judgments_path(judgments, at)] if judgments else [])]

    def needs(self, at: Place) -> list[Path]:
        judgments = resolved(self.judgments, at)
        return [judgments_path(judgments, at)] if judgments else []

    def writes(self, at: Place) -> list[Path]:
        target = self._target()
        return [target.part(name) for name in (self._shares() or {"": 1.0})]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        judgments, statuses, shares, target = resolved(self.judgments, at), self._statuses(), self._shares(), self._target()
        selection = selection_of(at.folder, at.dataset, self.filter, judgments, ",".join(statuses) if statuses else None)
        how = described(selection) + (f" Split by {self.by}, seed {self.seed}: {self._split()}." if shares else "")
        command = f"dspy-programs data pipeline run ... (step export of {at.dataset})"
        done = export_pairs(
            at.folder,
            at.dataset,
            target.path,
            target.format,
            selection,
            shares,
            self.seed,
            self.by,
            lambda exported: card_of(exported, at.folder, target.mark(), command, how),
            progress,
        )
        parts = ", ".join(f"{part.name or part.path.name} {part.rows:,}" for part in done.parts)
        left = f"; {quantity(done.left_out.total(), 'pair')} left out" if done.left_out else ""
        return Outcome(f"{quantity(done.rows, 'row')}: {parts}{left}")

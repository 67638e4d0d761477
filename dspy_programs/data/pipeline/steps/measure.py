"""Judges measured: against each other, and against people."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from dspy_programs.atomic_file import write_atomically
from dspy_programs.cli import Progress
from dspy_programs.data.judging.measuring import calibration_of, comparison_of
from dspy_programs.data.judging.tags import tags_of
from dspy_programs.data.labels.label import Status
from dspy_programs.data.pipeline.step import AUTO, Outcome, Place, Step, judgments_path, resolved
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity


class Compare(Step):
    """Compare runs of judges. tags: two or more; by default all that there are then."""

    kind: ClassVar[str] = "compare"
    tags: list[str] | None = Field(default=None, min_length=2)
    output: str | None = None

    def _tags(self, at: Place) -> list[str]:
        return [resolved(tag, at) or AUTO for tag in self.tags] if self.tags else tags_of(at.folder, at.dataset)

    def check(self, at: Place) -> None:
        if self.tags and len(set(self._tags(at))) < len(self.tags):
            raise UsageError("tags: give two or more different tags")

    def settings(self, at: Place) -> Mapping[str, Any]:
        return {"tags": self._tags(at)}

    def reads(self, at: Place) -> list[Path]:
        return [judgments_path(tag, at) for tag in self._tags(at)]

    def needs(self, at: Place) -> list[Path]:
        return self.reads(at) if self.tags else []

    def writes(self, at: Place) -> list[Path]:
        return [Path(self.output) if self.output else at.folder.reports(at.dataset) / "compare.json"]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        tags = self._tags(at)
        found = comparison_of(at.folder, at.dataset, tags)
        _write(self.writes(at)[0], found)
        kappa = found["cohens_kappa"] if len(tags) == 2 else found["fleiss_kappa"]
        return Outcome(f"kappa {kappa:.3f} ({found['kappa_label']}) on {quantity(found['n_common'], 'pair')}")


class Calibrate(Step):
    """Measure a judge against people's labels. gate: close if it is no better than chance."""

    kind: ClassVar[str] = "calibrate"
    tag: str = AUTO
    labels: str | None = None
    approved_is: Status = "approved"
    negatives: list[Status] = Field(default=["rejected"])
    any_labeler: bool = False
    output: str | None = None
    gate: bool = False

    def check(self, at: Place) -> None:
        resolved(self.tag, at)
        if self.approved_is in self.negatives or not self.negatives:
            raise UsageError(f"negatives: give statuses other than {self.approved_is}")

    def _tag(self, at: Place) -> str:
        return resolved(self.tag, at) or AUTO

    def _labels(self, at: Place) -> Path:
        return Path(self.labels) if self.labels else at.folder.labels(at.dataset)

    def settings(self, at: Place) -> Mapping[str, Any]:
        return {"tag": self._tag(at)}

    def reads(self, at: Place) -> list[Path]:
        return [at.folder.pairs(at.dataset), judgments_path(self._tag(at), at), self._labels(at)]

    def needs(self, at: Place) -> list[Path]:
        return [judgments_path(self._tag(at), at)]

    def writes(self, at: Place) -> list[Path]:
        name = judgments_path(self._tag(at), at).stem.removeprefix(f"{at.dataset}.")
        return [Path(self.output) if self.output else at.folder.reports(at.dataset) / f"calibrate.{name}.json"]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        found = calibration_of(
            at.folder, at.dataset, self._tag(at), self._labels(at), self.approved_is, self.negatives, self.any_labeler
        )
        _write(self.writes(at)[0], found.model_dump(mode="json"))
        return Outcome(f"{found}, F1 {found.f1:.3f}", passed=not self.gate or found.better_than_chance)


def _write(path: Path, content: Any) -> None:
    write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

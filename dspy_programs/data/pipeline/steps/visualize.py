"""The step `visualize`: the page of a data set."""

from pathlib import Path
from typing import ClassVar

from dspy_programs.atomic_file import write_atomically
from dspy_programs.cli import Progress
from dspy_programs.data.pipeline.step import Outcome, Place, Step
from dspy_programs.data.reports.overview import files_of, overview_of
from dspy_programs.data.reports.page import page_of
from dspy_programs.text import quantity


class Visualize(Step):
    """Draw all that is known of a data set on one page."""

    kind: ClassVar[str] = "visualize"
    output: str | None = None

    def reads(self, at: Place) -> list[Path]:
        return files_of(at.folder, at.dataset)

    def writes(self, at: Place) -> list[Path]:
        return [Path(self.output) if self.output else at.folder.reports(at.dataset) / "index.html"]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        output = self.writes(at)[0]
        overview = overview_of(at.folder, at.dataset, progress)
        write_atomically(output, page_of(overview))
        return Outcome(f"{output}: {quantity(overview.pairs, 'pair')}")

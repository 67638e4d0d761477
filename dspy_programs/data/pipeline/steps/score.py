"""The step `score`: a total from 0 to 100, which can be a gate."""

import json
from itertools import islice
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from dspy_programs.atomic_file import write_atomically
from dspy_programs.cli import Progress
from dspy_programs.data.pipeline.step import Outcome, Place, Step
from dspy_programs.data.scorer.config import read_config
from dspy_programs.data.scorer.html import page_of
from dspy_programs.data.scorer.scorer import score_rows
from dspy_programs.data.scorer.source import rows_of


class Score(Step):
    """Score from 0 to 100. output: .html or .json; min_score: a gate."""

    kind: ClassVar[str] = "score"
    config: str | None = None
    min_score: float | None = Field(default=None, ge=0, le=100)
    limit: int | None = Field(default=None, ge=1)
    output: str | None = None

    def check(self, at: Place) -> None:
        read_config(self._config())

    def _config(self) -> Path | None:
        return Path(self.config) if self.config else None

    def reads(self, at: Place) -> list[Path]:
        config = self._config()
        return [at.folder.pairs(at.dataset), *([config] if config else [])]

    def writes(self, at: Place) -> list[Path]:
        return [Path(self.output) if self.output else at.folder.reports(at.dataset) / "score.json"]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        output, config = self.writes(at)[0], read_config(self._config())
        rows = rows_of(str(at.folder.existing(at.dataset)), at.folder)
        found = score_rows(islice(rows, self.limit), at.dataset, config)
        is_page = output.suffix.lower() in (".html", ".htm")
        text = json.dumps(found.as_dict(), ensure_ascii=False, indent=2) + "\n"
        write_atomically(output, page_of(found) if is_page else text)
        passed = self.min_score is None or found.total >= self.min_score
        below = "" if passed else f", below {self.min_score:g}"
        return Outcome(f"{found.total:.1f} {found.band}{below}", passed)

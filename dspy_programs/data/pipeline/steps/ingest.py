"""The step `ingest`: rows of any shape become a data set."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from dspy_programs.cli import Progress
from dspy_programs.data.pipeline.step import Outcome, Place, Step
from dspy_programs.data.reading.columns import checked_mapping, mapping_of
from dspy_programs.data.reading.ingesting import ingest
from dspy_programs.data.reading.sources import Format, source_of
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity


class Ingest(Step):
    """Make a data set of rows. What is on the hub is read once: `--fresh` reads it again."""

    kind: ClassVar[str] = "ingest"
    input: str
    format: Format = "auto"
    hf_split: str | None = None
    map: dict[str, str] | str = Field(default_factory=dict)
    tag: str = ""
    limit: int | None = None

    def check(self, at: Place) -> None:
        self._mapping()
        if self.input == "-":
            raise UsageError("input: a pipeline cannot read standard input twice; give a file")
        source_of(self.input, self.format, self.hf_split)

    def _mapping(self) -> dict[str, str]:
        return checked_mapping(self.map if isinstance(self.map, dict) else mapping_of([self.map]))

    def reads(self, at: Place) -> list[Path]:
        return [Path(self.input)]

    def needs(self, at: Place) -> list[Path]:
        path = source_of(self.input, self.format, self.hf_split).path
        return [] if path is None else [Path(self.input)]

    def writes(self, at: Place) -> list[Path]:
        return [at.folder.pairs(at.dataset), at.folder.rejects(at.dataset), at.folder.meta(at.dataset)]

    def makes(self, at: Place) -> list[str]:
        return [at.dataset]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        made = ingest(
            self.input,
            at.dataset,
            at.folder,
            format=self.format,
            split=self.hf_split,
            mapping=self._mapping(),
            tag=self.tag,
            limit=self.limit,
            progress=progress,
        )
        return Outcome(f"{quantity(made.pairs, 'pair')}, {sum(made.rejects.values()):,} not taken")

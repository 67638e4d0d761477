"""The step `run`: a data set grown out of seeds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from dspy_programs.cli import Progress
from dspy_programs.data.folder import checked_name
from dspy_programs.data.growing.asked_growth import AskedGrowth, GrowthOptions
from dspy_programs.data.judging.rubric_files import rubric_at
from dspy_programs.data.pipeline.step import Outcome, Place, Step
from dspy_programs.errors import RunInterrupted, UsageError
from dspy_programs.text import quantity


class Run(Step, GrowthOptions):
    """Grow the data set `name`, by default the pipeline's. A growth that was cut, or may have more cycles now, is continued."""

    kind: ClassVar[str] = "run"

    def _growth(self, at: Place) -> AskedGrowth:
        own = {name: getattr(self, name) for name in GrowthOptions.model_fields}
        return AskedGrowth(GrowthOptions(**own | {"name": self._name(at)}), at.folder, resume=True)

    def _name(self, at: Place) -> str:
        return self.name or at.dataset

    def check(self, at: Place) -> None:
        checked_name(self._name(at))
        if not (self.seeds or self.seeds_file or self.from_name or self.failures):
            raise UsageError("nothing to grow from: give seeds, seeds_file, from or failures")
        if self.from_name == self._name(at):
            raise UsageError(f"from: {self.from_name} is what grows; give another name")
        if self.rubric:
            rubric_at(self.rubric)
        _ = self._growth(at).settings

    def settings(self, at: Place) -> Mapping[str, Any]:
        return {"rubric": rubric_at(self.rubric).model_dump(mode="json")} if self.rubric else {}

    def reads(self, at: Place) -> list[Path]:
        from_pairs = [at.folder.pairs(self.from_name)] if self.from_name else []
        return [*from_pairs, *(path for path in (self.seeds_file, self.failures) if path)]

    def needs(self, at: Place) -> list[Path]:
        return self.reads(at)

    def writes(self, at: Place) -> list[Path]:
        return [at.folder.pairs(self._name(at))]

    def makes(self, at: Place) -> list[str]:
        return [self._name(at)]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        try:
            grown = self._growth(at).run(progress)
        except RunInterrupted as stopped:
            return Outcome(str(stopped), complete=False, interrupted=True)
        said = f"{quantity(grown.passed_pairs, 'pair')} passed in {quantity(len(grown.cycles), 'cycle')}, by {grown.generator}"
        return Outcome(f"{said}; {grown.stopped}", complete=not grown.stopped.startswith("limit reached"))

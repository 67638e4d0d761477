"""The steps that a pipeline can have, by their names."""

from dspy_programs.data.pipeline.step import Step
from dspy_programs.data.pipeline.steps.export import Export
from dspy_programs.data.pipeline.steps.ingest import Ingest
from dspy_programs.data.pipeline.steps.judge import Judge
from dspy_programs.data.pipeline.steps.label import Label
from dspy_programs.data.pipeline.steps.measure import Calibrate, Compare
from dspy_programs.data.pipeline.steps.run import Run
from dspy_programs.data.pipeline.steps.score import Score
from dspy_programs.data.pipeline.steps.validate import Validate
from dspy_programs.data.pipeline.steps.visualize import Visualize

_KINDS: tuple[type[Step], ...] = (Ingest, Run, Validate, Score, Judge, Label, Compare, Calibrate, Export, Visualize)
STEPS = {each.kind: each for each in _KINDS}

"""The steps from raw rows to files to train with, in one YAML file; a second run does only what changed.

from dspy_programs.data.pipeline import read_pipeline, run_pipeline

done = run_pipeline(read_pipeline(Path("pipeline.yaml")), DataFolder())
print(done.passed, [step.status for step in done.steps])
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.pipeline.pipeline import Pipeline as Pipeline, read_pipeline as read_pipeline
    from dspy_programs.data.pipeline.plan import plan_of as plan_of
    from dspy_programs.data.pipeline.run import PipelineRun as PipelineRun, run_pipeline as run_pipeline

_HOMES = {
    "Pipeline": "pipeline",
    "PipelineRun": "run",
    "plan_of": "plan",
    "read_pipeline": "pipeline",
    "run_pipeline": "run",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

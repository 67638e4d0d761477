"""A pipeline's plan and what came of it, for people."""

from collections.abc import Iterable, Iterator

from dspy_programs.data.pipeline.plan import Planned
from dspy_programs.data.pipeline.run import PipelineRun, StepRun
from dspy_programs.text import printable


def lines_of_run(run: PipelineRun) -> Iterator[str]:
    yield f"{'step':>4}  {'name':<10} {'data set':<20} {'status':<12} {'seconds':>8}  result"
    for step in run.steps:
        yield printable(
            f"{step.number:>4}  {step.step:<10} {step.dataset:<20} {step.status:<12} {step.seconds:>8.2f}  {step.said}"
        ).rstrip()


def line_of_step(step: StepRun) -> str:
    return printable(f"{step.number} {step.step}: {step.status}{f': {step.said}' if step.said else ''}")


def lines_of_plan(plan: Iterable[Planned]) -> Iterator[str]:
    yield f"{'step':>4}  {'name':<10} {'data set':<20} {'plan':<10} why"
    for number, each in enumerate(plan, 1):
        step = each.placed.step.kind
        yield printable(f"{number:>4}  {step:<10} {each.placed.at.dataset:<20} {each.intent:<10} {each.why}").rstrip()

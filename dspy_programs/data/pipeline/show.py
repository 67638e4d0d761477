"""A pipeline's plan and what came of it, for people."""

from collections.abc import Iterable, Iterator

from dspy_programs.data.pipeline.plan import Planned
from dspy_programs.data.pipeline.run import PipelineRun, StepRun
from dspy_programs.text import printable


def lines_of_run(run: PipelineRun) -> Iterator[str]:
    wide = _width(step.dataset for step in run.steps)
    yield f"{'step':>4}  {'name':<10} {'data set':<{wide}} {'status':<12} {'seconds':>8}  result"
    for step in run.steps:
        yield printable(
            f"{step.number:>4}  {step.step:<10} {step.dataset:<{wide}} {step.status:<12} {step.seconds:>8.2f}  {step.said}"
        ).rstrip()


def line_of_step(step: StepRun) -> str:
    return printable(f"{step.number} {step.step}: {step.status}{f': {step.said}' if step.said else ''}")


def lines_of_plan(plan: Iterable[Planned]) -> Iterator[str]:
    plan = list(plan)
    wide = _width(each.placed.at.dataset for each in plan)
    yield f"{'step':>4}  {'name':<10} {'data set':<{wide}} {'plan':<10} why"
    for number, each in enumerate(plan, 1):
        step = each.placed.step.kind
        yield printable(f"{number:>4}  {step:<10} {each.placed.at.dataset:<{wide}} {each.intent:<10} {each.why}").rstrip()


def _width(names: Iterable[str]) -> int:
    """Return the width of the column of data sets."""
    return max(len(name) for name in [*names, "data set"]) + 1

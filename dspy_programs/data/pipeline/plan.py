"""What a run of a pipeline would do, and why, without doing it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from dspy_programs.data.pipeline.pipeline import Placed
from dspy_programs.data.pipeline.record import Record, inputs_of, options_of

Intent = Literal["unchanged", "runs", "may run"]


class Planned(NamedTuple):
    """A step: whether it would run, and why. It may run if a step before it writes what it reads."""

    placed: Placed
    intent: Intent
    why: str

    def as_dict(self) -> dict[str, str]:
        return {"step": self.placed.step.kind, "dataset": self.placed.at.dataset, "plan": self.intent, "why": self.why}


def plan_of(steps: Iterable[Placed], record: Record, fresh: bool = False) -> list[Planned]:
    """fresh: all steps are to run."""
    plan: list[Planned] = []
    writers: dict[Path, int] = {}
    for number, placed in enumerate(steps, 1):
        before = sorted({writers[path] for path in placed.reads if path in writers})
        if fresh:
            planned = Planned(placed, "runs", "asked for")
        elif record.of(placed) is None:
            planned = Planned(placed, "runs", why_not_done(placed, record))
        elif before:
            planned = Planned(placed, "may run", f"reads what step {', '.join(map(str, before))} writes")
        else:
            planned = Planned(placed, "unchanged", "")
        if planned.intent != "unchanged":
            writers.update(dict.fromkeys(placed.writes, number))
        plan.append(planned)
    return plan


def why_not_done(placed: Placed, record: Record) -> str:
    """Say why a step must run."""
    done = record.alike(placed)
    if done is None:
        return "never done"
    if done.options != options_of(placed):
        return "other options"
    now = inputs_of(placed)
    if changed := [path for path in now if done.inputs.get(path) != now[path]]:
        return f"{changed[0]} has changed"
    return f"{record.changed_output(done, placed.step.appends) or 'what it wrote'} is not as it was left"

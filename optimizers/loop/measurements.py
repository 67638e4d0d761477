"""The agent's runs of a stage: new ones, those of the last measurement with the same programs, or another improvement's.

Guarantees "before" and "after" are never two measurements of one agent, whose difference would be chance; runs are taken over
           only from an improvement of the same agents and models, and only if the same programs are in use now.
Raises     RunMismatch otherwise; what running the agent raises.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dspy_programs.errors import RunMismatch
from optimizers.loop.agent_run import run_agent
from optimizers.loop.report import SETTINGS, STAGES
from optimizers.loop.stages import Improvement, Stage
from optimizers.promotion import checked_place, current

_FIRST = ("0-test", "1-run")  # what comes before anything is learnt
_SAME = ("agent", "test agent", "model")

Result = dict[str, Any]


def runs_of(improvement: Improvement, stage: Stage, results: Sequence[Result], minutes: float | None) -> Result:
    """Return how the agent's runs of a stage went. minutes: that are left for them."""
    programs = _in_use(improvement)
    found = _of_another(improvement, stage, programs) or _of_last(improvement, stage, results, programs)
    if found is not None:
        return found
    agent = improvement.test if stage.kind == "test" and improvement.test is not None else improvement.agent
    place = improvement.folder / "traces" / stage.name
    return {**run_agent(agent, place, minutes, judged="judge" in improvement.arrows), "programs": programs}


def _in_use(improvement: Improvement) -> dict[str, str | None]:
    """Return the digest of each program that is in use; None for an uncompiled one."""
    entries = {loop.recipe.name: current(checked_place(loop.recipe.name, loop.task.model)) for loop in improvement.loops}
    return {name: entry.digest if entry else None for name, entry in entries.items()}


def _of_last(
    improvement: Improvement, stage: Stage, results: Sequence[Result], programs: dict[str, str | None]
) -> Result | None:
    """Return the last measurement, if it was one of the same programs; a run that is learnt from is always a new one."""
    if stage.kind == "run" and (improvement.test is not None or stage.cycle <= improvement.cycles):
        return None
    last = next((each for each in reversed(results) if each["kind"] == stage.kind), None)
    if last is None or last.get("programs") != programs:
        return None
    return {**_figures(last), "same_as": last.get("same_as") or last["stage"]}


def _of_another(improvement: Improvement, stage: Stage, programs: dict[str, str | None]) -> Result | None:
    """Return the first runs of the improvement that this one begins with."""
    other = improvement.begins_with
    if other is None or stage.name not in _FIRST:
        return None
    settings, own = _read(other / SETTINGS), improvement.settings()
    if changed := [name for name in _SAME if settings.get(name) != own[name]]:
        told = "; ".join(f"{name}: {settings.get(name)} -> {own[name]}" for name in changed)
        raise RunMismatch(f"{other}: its runs cannot be taken over ({told}); leave out --begin-with")
    found = _read(other / STAGES / f"{stage.name}.json")
    known = found.get("programs") or {}
    if changed := [name for name in programs if known.get(name) != programs[name]]:
        raise RunMismatch(
            f"{other}: its runs cannot be taken over: another {changed[0]} is in use now; go back by "
            f"python -m optimizers.rollback --module {changed[0]} --lm {own['model']}"
        )
    return {**_figures(found), "same_as": str(other / STAGES / stage.name)}


def _figures(result: Result) -> Result:
    return {name: value for name, value in result.items() if name not in ("stage", "cycle", "kind", "spent")}


def _read(path: Path) -> Result:
    try:
        found: Result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunMismatch(f"{path}: not there, so there is no such run to begin with; leave out --begin-with") from None
    return found

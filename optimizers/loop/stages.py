"""The stages of an improvement, in order, and what each may cost."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from optimizers.calls import Budget
from optimizers.loop.agent_run import Agent, name_of
from optimizers.loop.generation import GENERATES, MOST
from optimizers.loop.loop_rows import arrows_left
from optimizers.loop.round import Loop


class Stage(NamedTuple):
    """One step of a plan; calls: model calls if all rows are needed and each takes one, None if only the agent knows.

    cycle: 0 for the test before the first; kind: run, test, harvest, generate, or the name of a program.
    """

    cycle: int
    kind: str
    says: str
    calls: int | None = None

    @property
    def name(self) -> str:
        return f"{self.cycle}-{self.kind}"


@dataclass(frozen=True)
class Improvement:
    """agent, test: what runs it on its tasks and on unseen ones; loops: each module's round, but for its data.

    limits: of the whole improvement, with earlier processes; without: arrows that are left out; words: whether a model words
    generated requests; say: told of each stage; begins_with: the folder of another improvement, whose first runs are taken
    over; traces: runs on record, harvested with the agent's own.
    """

    agent: Agent
    test: Agent | None
    folder: Path
    loops: Sequence[Loop]
    cycles: int
    min_probability: float
    limits: Budget = field(default_factory=Budget)
    without: frozenset[str] = frozenset()
    words: bool = True
    say: Callable[[str], None] = print
    begins_with: Path | None = None
    traces: Sequence[Path] = ()

    @property
    def arrows(self) -> frozenset[str]:
        return arrows_left(self.without)

    @property
    def modules(self) -> list[str]:
        return [loop.recipe.name for loop in self.loops]

    def settings(self) -> dict[str, Any]:
        """Return what may not change between two processes of one improvement; limits and the number of cycles may."""
        loop = self.loops[0]
        return {
            "agent": name_of(self.agent),
            "test agent": None if self.test is None else name_of(self.test),
            "modules": self.modules,
            "model": loop.task.model,
            "reflection model": loop.reflection.model,
            "without": sorted(self.without),
            "challengers": loop.most,
            "rows": loop.rows,
            "seed": loop.seed,
            "shadow": loop.shadow,
            "least probability": self.min_probability,
            "traces": [str(path) for path in self.traces],
        }


def plan(improvement: Improvement) -> list[Stage]:
    """Return every stage in order. Without a test, the agent runs once more on the tasks that it has learnt from."""
    test = improvement.test and name_of(improvement.test)
    found = [Stage(0, "test", f"before: {test}")] if test else []
    for cycle in range(1, improvement.cycles + 1):
        found.append(Stage(cycle, "run", f"run the agent: {name_of(improvement.agent)}"))
        found.append(Stage(cycle, "harvest", "its runs become rows for " + " and ".join(improvement.modules), 0))
        if "generated" in improvement.arrows and (able := _generating(improvement.modules)):
            says = f"up to {MOST} new rows each for {' and '.join(able)}, made from failures"
            found.append(Stage(cycle, "generate", says, MOST * len(able) * improvement.words))
        for loop in improvement.loops:
            rows = "held-back rows" if loop.rows is None else f"{loop.rows} held-back rows"
            calls = None if loop.rows is None else 2 * loop.most * loop.rows + loop.most
            found.append(Stage(cycle, loop.recipe.name, f"learn: up to {loop.most} challengers on {rows}", calls))
        if test:
            found.append(Stage(cycle, "test", f"after cycle {cycle}: {test}"))
    if not test:
        agent = name_of(improvement.agent)
        found.append(Stage(improvement.cycles + 1, "run", f"after, on the tasks that it has learnt from: {agent}"))
    return found


def _generating(modules: Collection[str]) -> list[str]:
    return [name for name in modules if name in GENERATES]

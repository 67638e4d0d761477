"""The one table that ties a program to its data, its metric and its budget."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.actor import Actor
from dspy_programs.errors import UsageError
from dspy_programs.planner import Planner
from dspy_programs.types import Task
from metrics.actor import AcceptedCall, calls_match
from metrics.planner import plan_matches
from metrics.score import Metric
from optimizers.demonstrations import Demonstrate
from optimizers.sources import actor as actor_source
from optimizers.sources import planner as planner_source


@dataclass(frozen=True)
class Recipe:
    """All that `train` needs to know of a program.

    labels: the fields of a row that are not inputs, with their types; build: raw folder -> rows of each split;
    demonstrate: a row as each predictor would have done it; kind: what demonstrations should cover, and how many;
    max_metric_calls, max_minutes (of searching), val_rows, test_rows: what a default run spends, chosen for the embedded
    model and 15 minutes on 2 cores.
    """

    name: str
    program: type[dspy.Module]
    metric: Metric
    labels: Mapping[str, Any]
    build: Callable[[Path], Mapping[str, list[dict[str, Any]]]]
    demonstrate: Demonstrate
    kind: Callable[[dspy.Example], Hashable]
    demonstrations: int
    max_metric_calls: int
    max_minutes: float
    val_rows: int
    test_rows: int


RECIPES: dict[str, Recipe] = {
    "actor": Recipe(
        name="actor",
        program=Actor,
        metric=calls_match,
        labels={"calls": list[AcceptedCall], "kind": str},
        build=actor_source.build,
        demonstrate=actor_source.as_demonstration,
        kind=lambda row: "step" if row.trajectory else min(len(row.calls), 2),  # a later step; no call, one, several
        demonstrations=4,
        max_metric_calls=40,
        max_minutes=5,
        val_rows=14,
        test_rows=16,
    ),
    "planner": Recipe(
        name="planner",
        program=Planner,
        metric=plan_matches,
        labels={"tasks": list[Task]},
        build=planner_source.build,
        demonstrate=planner_source.as_demonstration,
        kind=lambda row: min(len(row.tasks), 3),  # two tasks, or more: in turn, about as often as they come
        demonstrations=3,
        max_metric_calls=40,
        max_minutes=5,
        val_rows=10,
        test_rows=16,
    ),
}


def recipe(name: str) -> Recipe:
    """Return the recipe, or say which there are."""
    if name not in RECIPES:
        raise UsageError(f"there is no module {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]

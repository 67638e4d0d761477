"""The one table that ties a program to its data, its metric and its budget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.errors import UsageError
from dspy_programs.planner import Planner
from dspy_programs.types import Task
from metrics.planner import plan_matches
from metrics.score import Metric
from optimizers.sources import planner as planner_source


@dataclass(frozen=True)
class Recipe:
    """All that `train` needs to know of a program.

    labels: the fields of a row that are not inputs, with their types; build: raw folder -> rows of each split;
    max_metric_calls, val_rows, test_rows: what a default run spends on the embedded model, for 15 minutes on 2 cores.
    """

    name: str
    program: type[dspy.Module]
    metric: Metric
    labels: Mapping[str, Any]
    build: Callable[[Path], Mapping[str, list[dict[str, Any]]]]
    max_metric_calls: int
    val_rows: int
    test_rows: int


RECIPES: dict[str, Recipe] = {
    "planner": Recipe(
        name="planner",
        program=Planner,
        metric=plan_matches,
        labels={"tasks": list[Task]},
        build=planner_source.build,
        max_metric_calls=80,
        val_rows=16,
        test_rows=30,
    ),
}


def recipe(name: str) -> Recipe:
    """Return the recipe, or say which there are."""
    if name not in RECIPES:
        raise UsageError(f"there is no module {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]

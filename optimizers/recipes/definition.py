"""Everything that a training run needs to know about a program, built-in or the user's own."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.registry import new_from
from metrics.score import Metric
from optimizers.data import Given
from optimizers.scoring import UserMetric, as_metric
from optimizers.search import Demonstrate, labelled

Rows = Mapping[str, Sequence[dspy.Example]]


def alike(row: dspy.Example) -> Hashable:
    """Treat all rows as one kind."""
    return None


@dataclass(frozen=True)
class Recipe:
    """Everything that `train` needs to know about a program. Your own program needs the first two, and rows.

    Args:
        program: A dspy.Module class without required arguments, or an instance, which is copied.
        metric: (row, prediction) -> a score in [0, 1], a bool, `dspy.Prediction(score=..., feedback=...)` or a Score; DSPy's
            metrics of three arguments and GEPA's of five also work.
        name: The name under which the result is saved and found; for your own program the place of its recipe.
        data: The rows if --data is not given: a file, a folder, or lists of rows by split: {"train": [...], ...}.
        labels: The fields of a row that are not inputs, with their types; None: all of them, of any type.
        demonstrate: A row as each predictor should have answered it; by default the labels that are outputs of a predictor,
            and what the program did on rows that the metric accepted.
        kind: A row's kind, which demonstrations should cover; by default there are no kinds.
        asks: Whether a row asks the model anything; a search leaves out the others, on which all candidates are alike.
        demonstrations: How many rows a call shows if all are shown.
        val_rows: Validation rows of a default run with an embedded model, chosen for 15 minutes on 2 cores.
        test_rows: Test rows of such a run.
        max_metric_calls: Limit on metric calls of the benchmark's search.
        groups: Fields of a row by which `evaluate` also reports.
        faults: What is wrong with a row beyond its types, a few words each.
    """

    program: type[dspy.Module] | dspy.Module
    metric: UserMetric
    name: str = ""
    data: Path | str | Given | None = None
    labels: Mapping[str, Any] | None = None
    demonstrate: Demonstrate | None = None
    kind: Callable[[dspy.Example], Hashable] = alike
    asks: Callable[[dspy.Example], bool] = lambda row: True
    demonstrations: int = 4
    val_rows: int = 16  # the defaults suit programs with one call per row; those with fewer calls can have more rows
    test_rows: int = 16
    max_metric_calls: int = 40
    groups: tuple[str, ...] = ()
    faults: Callable[[dspy.Example], Sequence[str]] = lambda row: ()

    def new_program(self) -> dspy.Module:
        """Return the uncompiled program, a new one each time. Raises UsageError if it cannot be made."""
        return new_from(self.program, self.name)

    @cached_property
    def scorer(self) -> Metric:
        """The metric in the one form that a search uses."""
        return as_metric(self.metric)

    @cached_property
    def demonstrator(self) -> Demonstrate:
        """How a row becomes a demonstration."""
        return self.demonstrate or labelled(self.new_program())

"""Run a program on rows and score it, with confidence intervals."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.scoring.own_metric import UserMetric as UserMetric, as_metric as as_metric, name_of as name_of
    from optimizers.scoring.row_calls import calls_of as calls_of, told as told
    from optimizers.scoring.scores import (
        Interval as Interval,
        RowRun as RowRun,
        Step as Step,
        bootstrap as bootstrap,
        bootstrap_of_means as bootstrap_of_means,
        failure_in as failure_in,
        feedback_on as feedback_on,
        group_interval as group_interval,
        judged as judged,
        mean_components as mean_components,
        predicted as predicted,
        run_rows as run_rows,
        score_rows as score_rows,
    )

_HOMES = {
    "UserMetric": "own_metric",
    "as_metric": "own_metric",
    "name_of": "own_metric",
    "calls_of": "row_calls",
    "told": "row_calls",
    "Interval": "scores",
    "RowRun": "scores",
    "Step": "scores",
    "bootstrap": "scores",
    "bootstrap_of_means": "scores",
    "failure_in": "scores",
    "feedback_on": "scores",
    "group_interval": "scores",
    "judged": "scores",
    "mean_components": "scores",
    "predicted": "scores",
    "run_rows": "scores",
    "score_rows": "scores",
}

__getattr__ = exports(__name__, _HOMES)

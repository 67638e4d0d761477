"""Run a program on rows and score it, with confidence intervals."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.scoring.own_metric import UserMetric as UserMetric, as_metric as as_metric, name_of as name_of
    from optimizers.scoring.row_calls import calls_of as calls_of, failure_feedback as failure_feedback
    from optimizers.scoring.scores import (
        Interval as Interval,
        RowRun as RowRun,
        Runner as Runner,
        Step as Step,
        bootstrap as bootstrap,
        bootstrap_of_means as bootstrap_of_means,
        failure_in as failure_in,
        feedback_on as feedback_on,
        group_interval as group_interval,
        judged as judged,
        mean_components as mean_components,
        predicted as predicted,
    )

_HOMES = {
    "UserMetric": "own_metric",
    "as_metric": "own_metric",
    "name_of": "own_metric",
    "calls_of": "row_calls",
    "failure_feedback": "row_calls",
    "Interval": "scores",
    "RowRun": "scores",
    "Runner": "scores",
    "Step": "scores",
    "bootstrap": "scores",
    "bootstrap_of_means": "scores",
    "failure_in": "scores",
    "feedback_on": "scores",
    "group_interval": "scores",
    "judged": "scores",
    "mean_components": "scores",
    "predicted": "scores",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

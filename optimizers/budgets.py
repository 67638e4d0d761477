"""What a run may spend where nobody says it, and what a budget is too small for.

An embedded model gets minutes, because its user waits; any other gets rows by DSPy's own measure, because its user pays.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dspy_programs.text import quantity
from optimizers.meter import Budget
from optimizers.race import FEWEST

if TYPE_CHECKING:
    from optimizers.recipe import Recipe
    from optimizers.settings import Training

MINUTES = 15.0  # for an embedded model, test included
FEWEST_CALLS = 300  # rows of a default search with any other model
VALIDATION = 50  # rows there to validate and to test on
OWN = 100  # of one's own rows, likewise; an embedded model gets half of them
OWN_TRAIN = 10_000  # of one's own rows: a pool shows 200 of them, a search looks at a few hundred
TRANSFER_ROWS = 16  # of other sources
CANDIDATES = {"light": 6, "medium": 12, "heavy": 18}  # of dspy.GEPA


def budget_for(recipe: "Recipe", auto: str | None, limits: Budget, validation: int, embedded: bool) -> tuple[Budget, bool]:
    """Return the budget, and whether it is a default: then it is stretched on a slow machine, and ends on a plateau."""
    predictors = len(recipe.new_program().predictors())
    if auto:
        return replace(limits, metric_calls=calls_of(auto, predictors, validation)), False
    if limits != Budget():
        return limits, False
    if embedded:
        return Budget(minutes=MINUTES), True
    return Budget(metric_calls=max(FEWEST_CALLS, calls_of("light", predictors, validation))), True


def calls_of(auto: str, predictors: int, validation: int) -> int:
    """Return the metric calls that `dspy.GEPA(auto=...)` would plan.

    Source     GEPA.auto_budget of dspy 3.4.1: a pass over the validation rows, bootstraps, trials of 35 rows, passes between.
    """
    candidates = CANDIDATES[auto]
    trials = int(max(4 * predictors * math.log2(candidates), 1.5 * candidates))
    passes = (trials + 1) // 5 + 1 + (trials < 5)
    return validation + 5 * candidates + 35 * trials + passes * validation


def default_rows(recipe: "Recipe", embedded: bool, own: bool = False) -> dict[str, int | None]:
    """Return how many rows of each split to read at most where nobody says it: more for a model that is fast.

    own: they are the user's, so there are as many as he has, up to what the default budget can make use of.
    """
    if own:
        most = OWN // 2 if embedded else OWN
        return {"train": OWN_TRAIN, "val": most, "test": most}
    fewest = 0 if embedded else VALIDATION
    return {"train": None, "val": max(fewest, recipe.val_rows), "test": max(fewest, recipe.test_rows)}


def warning_of(training: "Training") -> Iterator[str]:
    """Say what the budget is too small for."""
    calls = training.budget.metric_calls
    first = FEWEST * 2 + 2 * 3 + FEWEST  # seed and one more, a minibatch twice, the child on validation
    if calls is not None and calls < first:
        yield f"{calls} rows are too few to propose anything: they compare what is known. {first} allow one proposal"
    for split, name in (("val", "validation"), ("test", "test")):
        if (rows := len(training.rows[split])) < FEWEST:
            yield f"{quantity(rows, f'{name} row')}: too few for a sound choice; give at least {FEWEST}"

"""Default budgets, and warnings about budgets that are too small.

An embedded model gets minutes, because its user waits; any other gets metric calls by DSPy's measure, because its user pays.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dspy_programs.text import quantity
from optimizers.calls import Budget
from optimizers.search import MIN_ROWS

if TYPE_CHECKING:
    from optimizers.recipes import Recipe
    from optimizers.training.settings import Training

MINUTES = 15.0  # for an embedded model, including the test
FEWEST_CALLS = 300  # metric calls of a default search with any other model
VALIDATION = 50  # rows to validate and to test on then
_OWN = 100  # of the user's own rows, likewise; half for an embedded model
OWN_TRAIN = 10_000  # of the user's own rows: a pool shows 200 of them, a search looks at a few hundred
TRANSFER_ROWS = 16  # from other sources
CANDIDATES = {"light": 6, "medium": 12, "heavy": 18}  # of dspy.GEPA


def budget_for(recipe: "Recipe", auto: str | None, limits: Budget, validation: int, embedded: bool) -> tuple[Budget, bool]:
    """Return the budget, and whether it is a default: then it is extended on a slow machine, and ends on a plateau."""
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
    """Return the default maximum of rows to read per split: more for a fast model.

    own: they are the user's, so all are read, up to what the default budget can use.
    """
    if own:
        most = _OWN // 2 if embedded else _OWN
        return {"train": OWN_TRAIN, "val": most, "test": most}
    fewest = 0 if embedded else VALIDATION
    return {"train": None, "val": max(fewest, recipe.val_rows), "test": max(fewest, recipe.test_rows)}


def warning_of(training: "Training") -> Iterator[str]:
    """Warn if the budget is too small."""
    calls = training.budget.metric_calls
    first = MIN_ROWS * 2 + 2 * 3 + MIN_ROWS  # seed and one more, a minibatch twice, the child on validation
    if calls is not None and calls < first:
        yield f"{calls} metric calls are too few to propose anything, only to compare what is known. {first} allow one proposal"
    for split, name in (("val", "validation"), ("test", "test")):
        if (rows := len(training.rows[split])) < MIN_ROWS:
            yield f"{quantity(rows, f'{name} row')}: too few for a reliable choice; give at least {MIN_ROWS}"

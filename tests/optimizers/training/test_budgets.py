"""What a run may spend by default, and the same budget by DSPy's names as DSPy itself would plan."""

from types import SimpleNamespace

import dspy
import pytest

from optimizers.calls import Budget
from optimizers.recipes import RECIPES
from optimizers.training.budgets import (
    FEWEST_CALLS,
    MINUTES,
    OWN_TRAIN,
    VALIDATION,
    budget_for,
    calls_of,
    default_rows,
    warning_of,
)
from tests.fakes import both, scripted_lm


@pytest.mark.parametrize("auto", ["light", "medium", "heavy"])
@pytest.mark.parametrize("predictors", [1, 2, 5])
@pytest.mark.parametrize("validation", [1, 6, 50, 64, 333])
def test_calls_are_those_that_dspys_own_gepa_would_plan(auto, predictors, validation):
    gepa = dspy.GEPA(lambda gold, pred, trace, name, pred_trace: 0.0, auto=auto, reflection_lm=scripted_lm(both))
    candidates = {"light": 6, "medium": 12, "heavy": 18}[auto]
    planned = gepa.auto_budget(num_preds=predictors, num_candidates=candidates, valset_size=validation)
    assert calls_of(auto, predictors, validation) == planned


@pytest.mark.parametrize("embedded", [True, False])
def test_a_limit_that_was_given_is_the_budget_and_no_default(embedded):
    for limits in (Budget(metric_calls=7), Budget(minutes=0), Budget(tokens=9), Budget(usd=0.0)):
        assert budget_for(RECIPES["planner"], None, limits, 10, embedded) == (limits, False)


def test_default_is_minutes_for_an_embedded_model_and_rows_for_any_other():
    assert budget_for(RECIPES["planner"], None, Budget(), 10, True) == (Budget(minutes=MINUTES), True)
    budget, default = budget_for(RECIPES["planner"], None, Budget(), 50, False)
    assert default and budget == Budget(metric_calls=max(FEWEST_CALLS, calls_of("light", 1, 50)))
    assert budget.metric_calls >= FEWEST_CALLS


@pytest.mark.parametrize("embedded", [True, False])
def test_auto_is_asked_for_and_other_limits_stay(embedded):
    budget, default = budget_for(RECIPES["planner"], "medium", Budget(usd=1.0), 50, embedded)
    assert not default and budget == Budget(metric_calls=calls_of("medium", 1, 50), usd=1.0)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_model_that_is_fast_gets_more_rows_to_choose_by_and_to_test_on_by_default(recipe):
    assert default_rows(recipe, embedded=True) == {"train": None, "val": recipe.val_rows, "test": recipe.test_rows}
    fast = default_rows(recipe, embedded=False)
    assert fast["val"] >= VALIDATION <= fast["test"] and fast["val"] >= recipe.val_rows and fast["test"] >= recipe.test_rows


@pytest.mark.parametrize(("calls", "warned"), [(1, True), (17, True), (18, False), (300, False), (None, False)])
def test_a_budget_that_allows_no_proposal_is_told_before_it_is_spent(calls, warned):
    assert bool(warnings(Budget(metric_calls=calls), 8, 8)) is warned


def test_too_few_rows_to_choose_by_or_to_test_on_are_told_before_it_is_spent():
    assert not warnings(Budget(), 4, 4)
    [validation] = warnings(Budget(), 1, 4)
    [test] = warnings(Budget(), 4, 3)
    assert validation.startswith("1 validation row: too few") and test.startswith("3 test rows: too few")


def warnings(budget, val, test):
    return list(warning_of(SimpleNamespace(budget=budget, rows={"val": [None] * val, "test": [None] * test})))


@pytest.mark.parametrize(("embedded", "most"), [(True, 50), (False, 100)])
def test_rows_of_ones_own_are_all_used_up_to_what_the_budget_can_make_use_of(embedded, most):
    assert default_rows(RECIPES["section_scorer"], embedded, own=True) == {"train": OWN_TRAIN, "val": most, "test": most}

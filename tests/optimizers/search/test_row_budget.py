"""How many rows are left, in whatever the limits are: the test is paid for out of the same purse, a default is patient."""

import pytest

from optimizers.calls import Budget, Meter, Used
from optimizers.search import MIN_TEST_ROWS, RowBudget
from optimizers.search.row_budget import FIRST, MIN_SEARCH_ROWS, TEST_SHARE, WITHOUT_LIMIT


def metered(rows=0, seconds=0.0, tokens=0, usd=0.0):
    """A meter that has run so many rows, each at this cost."""
    meter = Meter(clock=lambda: 0.0)
    for number in range(rows):
        used = Used(calls=1, input_tokens=tokens, usd=usd, seconds=seconds)
        meter.count("task", used, at=(number + 1) * seconds, replayed=False)
        meter.count_metric_call()
    return meter


def allowed(budget, meter=None, **more):
    return RowBudget(budget, meter or metered(), **more)


def test_metric_calls_are_those_of_the_search_alone():
    row_budget = allowed(Budget(metric_calls=10), metered(rows=40, seconds=60.0), test_rows=100)
    assert (row_budget.rows_left, row_budget.rows_to_test) == (10, 100)
    row_budget.spent = 4
    assert row_budget.rows_left == 6
    row_budget.spent = 12
    assert row_budget.rows_left == 0


@pytest.mark.parametrize(("seconds", "rows"), [(1.0, 16), (5.0, 9), (10.0, 4), (35.0, 0)])
def test_rows_of_other_sources_get_a_tenth_of_a_limit_or_nothing(seconds, rows):
    row_budget = allowed(Budget(minutes=15), metered(rows=4, seconds=seconds), test_rows=16, transfer_rows=16, patient=True)
    assert row_budget.rows_elsewhere == rows
    alone = allowed(Budget(minutes=15), metered(rows=4, seconds=seconds), test_rows=16, patient=True)
    assert alone.rows_left - row_budget.rows_left == 2 * rows
    assert allowed(Budget(metric_calls=300), transfer_rows=16).rows_elsewhere == 16


def test_no_limit_leaves_any_number_of_rows():
    row_budget = allowed(Budget(), test_rows=7)
    assert (row_budget.rows_left, row_budget.limit, row_budget.rows_to_test) == (WITHOUT_LIMIT, "without a limit", 7)


LIMITS = {
    "tokens": (Budget(tokens=1000), {"tokens": 10}),
    "USD": (Budget(usd=1.0), {"usd": 0.01}),
    "minutes": (Budget(minutes=100 / 60), {"seconds": 1.0}),
}  # a hundred rows each


@pytest.mark.parametrize("unit", LIMITS)
def test_each_limit_sets_the_rows_of_the_test_aside(unit):
    budget, cost = LIMITS[unit]
    row_budget = allowed(budget, metered(rows=10, **cost), test_rows=5, programs=3)
    assert row_budget.rows_to_test == 5
    assert row_budget.rows_left == 90 - 3 * 5
    assert row_budget.limit.endswith(unit)


@pytest.mark.parametrize(
    ("seconds", "patient", "rows", "longest"),
    [
        (10, True, 50, 500),  # it fits
        (10, True, 200, 900),  # no longer than its minutes
        (95, True, 30, 1800),  # slow, and a default: twice the minutes
        (95, False, 30, 900),
        (400, True, 30, 12 * 400),  # the rows of the search that are run in any case
    ],
)
def test_a_run_is_not_said_to_take_longer_than_its_minutes_allow(seconds, patient, rows, longest):
    row_budget = allowed(Budget(minutes=15), metered(rows=1, seconds=seconds), test_rows=6, programs=3, patient=patient)
    assert row_budget.longest(rows) == pytest.approx(longest)


@pytest.mark.parametrize("unit", LIMITS)
@pytest.mark.parametrize("programs", [2, 3])
def test_the_test_takes_no_more_than_its_share(unit, programs):
    budget, cost = LIMITS[unit]
    row_budget = allowed(budget, metered(rows=10, **cost), test_rows=5000, programs=programs)
    assert row_budget.rows_to_test * programs <= TEST_SHARE * 100 < (row_budget.rows_to_test + 1) * programs
    assert row_budget.rows_left == 90 - programs * row_budget.rows_to_test


@pytest.mark.parametrize("unit", LIMITS)
@pytest.mark.parametrize("rows", [0, 10, 60, 99, 100, 150])
def test_what_is_left_and_what_is_set_aside_never_cost_more_than_the_limit(unit, rows):
    budget, cost = LIMITS[unit]
    row_budget = allowed(budget, metered(rows=rows, **cost), test_rows=5000)
    if rows:
        assert rows + row_budget.rows_left <= max(rows, 100 - 2 * row_budget.rows_to_test)
    else:
        assert row_budget.rows_left == FIRST  # nothing is known of their cost: a few rows will tell


@pytest.mark.parametrize("budget", [Budget(minutes=0), Budget(tokens=0), Budget(usd=0.0)])
def test_a_limit_of_nothing_leaves_nothing(budget):
    assert allowed(budget).rows_left == 0


def test_rows_that_cost_nothing_so_far_leave_a_few_more():
    assert allowed(Budget(tokens=1000), metered(rows=3, seconds=1.0)).rows_left == FIRST


def test_the_limit_that_is_named_is_the_one_that_leaves_fewest_rows():
    budget = Budget(metric_calls=50, tokens=1000, minutes=1)
    assert allowed(budget, metered(rows=10, tokens=10, seconds=0.1)).limit == "50 metric calls"
    assert allowed(budget, metered(rows=10, tokens=50, seconds=0.1)).limit == "1000 tokens"
    assert allowed(budget, metered(rows=10, tokens=10, seconds=5.0)).limit == "1 minutes"


def test_a_default_waits_for_a_first_comparison_however_slow_the_machine():
    slow = metered(rows=10, seconds=600.0)
    hard, patient = (allowed(Budget(minutes=15), slow, test_rows=40, patient=each) for each in (False, True))
    assert (hard.rows_left, hard.rows_to_test) == (0, 0)
    assert (patient.rows_left, patient.rows_to_test) == (MIN_SEARCH_ROWS, MIN_TEST_ROWS)
    patient.spent = MIN_SEARCH_ROWS
    assert patient.rows_left == 0


def test_patience_tests_no_row_that_is_not_there():
    assert allowed(Budget(minutes=15), metered(rows=10, seconds=600.0), test_rows=3, patient=True).rows_to_test == 3


def test_patience_adds_nothing_where_rows_are_fast():
    fast = metered(rows=10, seconds=1.0)
    hard, patient = (allowed(Budget(minutes=15), fast, test_rows=40, patient=each) for each in (False, True))
    assert (hard.rows_left, hard.rows_to_test) == (patient.rows_left, patient.rows_to_test) == (890 - 80, 40)

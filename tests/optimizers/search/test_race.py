"""Who is ahead after the first rows: always the same rows of both, and never more certain than they allow."""

import math

import pytest
from hypothesis import given, strategies as st

from optimizers.scoring import bootstrap
from optimizers.search import support
from optimizers.search.race import difference, is_behind, supported

SCORES = st.lists(st.floats(0, 1), max_size=12)


def test_difference_is_the_mean_of_the_pairs_and_its_standard_error():
    mean, error = difference((0.5, 0.9, 0.4), (0.5, 0.5, 0.5))
    assert mean == pytest.approx(0.1)
    assert error == pytest.approx(math.sqrt(0.07 / 3))  # deviations -0.1, 0.3, -0.2: their squares by n - 1, by n


@pytest.mark.parametrize(("scores", "others"), [((), ()), ((0.5,), ()), ((), (0.5,))])
def test_no_rows_in_common_say_nothing(scores, others):
    assert difference(scores, others) == (0.0, 0.0)
    assert not is_behind(scores, others)
    assert support(scores, others) == -math.inf


@given(SCORES, SCORES, SCORES)
def test_only_rows_that_both_have_count(scores, others, more):
    both = min(len(scores), len(others))
    longer = [*scores[:both], *more]
    assert difference(longer, others[:both]) == difference(scores[:both], others[:both])
    assert support(others[:both], longer) == support(others[:both], scores[:both])


@pytest.mark.parametrize(
    ("scores", "others", "behind"),
    [
        ((0.5, 0.5), (0.5, 0.5), False),
        ((0.4, 0.4), (0.5, 0.5), True),
        ((0.4, 0.6), (0.5, 0.5), False),  # even: it may be better
        ((0.0, 0.4), (0.5, 0.5), True),  # behind by 0.3, standard error 0.2
        ((0.3, 0.6), (0.5, 0.5), False),  # behind by 0.05, standard error 0.15
        ((0.4,), (0.5,), True),
    ],
)
def test_behind_is_who_would_not_reach_the_others_with_one_standard_error_more(scores, others, behind):
    assert is_behind(scores, others) is behind


@pytest.mark.parametrize(
    ("gains", "is_support"),
    [
        ([0.1] * 4, True),
        ([0.0] * 4, False),
        ([0.4, -0.1, 0.1, 0.0], False),  # mean 0.10, standard error 0.11
        ([0.5, 0.0, 0.2, 0.1], True),
        ([1.0], False),  # one row is no support, however large its gain
        ([-0.1] * 4, False),
    ],
)
def test_a_gain_counts_less_its_standard_error(gains, is_support):
    assert (supported(gains) > 0) is is_support


def test_the_same_gain_on_more_rows_is_better_supported():
    supports = [supported([0.2] * rows) for rows in (2, 4, 8, 16, 64)]
    assert supports == sorted(supports) and supports[0] < supports[-1] < 0.2


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12))
def test_no_support_is_more_than_the_gain(gains):
    assert supported(gains) <= max(0.0, sum(gains) / len(gains)) + 1e-12


@given(st.floats(0, 1), st.floats(0, 1))
def test_one_row_is_no_support_not_even_by_the_last_digit(score, other):
    assert support((score,), (other,)) <= 0


def test_one_row_is_never_beyond_noise():
    assert bootstrap([0.5]).is_noise and not bootstrap([0.5, 0.4]).is_noise

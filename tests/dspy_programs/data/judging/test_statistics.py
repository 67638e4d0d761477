"""Agreement: known values, degenerate cases, and intervals that cover what they should."""

import numpy as np
import pytest

from dspy_programs.data import cohens_kappa, fleiss_kappa, pearson, prf
from dspy_programs.data.judging.statistics import (
    bootstrap,
    fleiss_interval,
    kappa_in_words,
    kappa_interval,
    kappa_of,
    pearson_interval,
)

FLEISS_1971 = [  # ten subjects, fourteen raters, five categories; the published kappa is 0.210
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
]


def test_the_data_flywheels_three_values():
    assert cohens_kappa([True, False, True, False], [True, True, True, False]) == pytest.approx(0.5)
    assert pearson([1, 2, 3, 4], [1, 3, 2, 5]) == pytest.approx(0.8315, abs=5e-5)
    assert prf([True, True, False, False], [True, False, True, False]) == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "accuracy": 0.5,
        "tp": 1,
        "fp": 1,
        "tn": 1,
        "fn": 1,
    }


@pytest.mark.parametrize(
    ("a", "b", "kappa"),
    [
        ([], [], 0.0),
        ([True, True], [True, True], 1.0),  # nothing could differ
        ([True, True], [False, False], 0.0),
        ([True, False], [False, True], -1.0),
        (["a", "b", "c"], ["a", "b", "c"], 1.0),
        ([1, 1, 0], [1, 1, 1], 0.0),  # one who says a single word agrees as often as chance does
    ],
)
def test_kappa_of_degenerate_ratings(a, b, kappa):
    assert cohens_kappa(a, b) == pytest.approx(kappa)


@pytest.mark.parametrize(
    ("x", "y", "r"),
    [
        ([], [], 0.0),
        ([1], [2], 0.0),
        ([1, 1, 1], [1, 2, 3], 0.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([0.1] * 1000, [0.3] * 1000, 0.0),  # no spread but that of rounding
        ([1e9 + 1, 1e9 + 2, 1e9 + 3], [1, 2, 3], 1.0),
    ],
)
def test_correlation_of_degenerate_scores(x, y, r):
    assert pearson(x, y) == pytest.approx(r)


def test_nothing_predicted_and_nothing_true_divides_by_nothing():
    assert prf([], [])["f1"] == prf([False], [False])["precision"] == prf([True], [False])["recall"] == 0.0
    assert prf([False], [False])["accuracy"] == 1.0


@pytest.mark.parametrize("function", [cohens_kappa, pearson, prf])
def test_lists_of_two_lengths_are_a_mistake(function):
    with pytest.raises(ValueError, match="one list has 1 values, the other 2"):
        function([1], [1, 0])


def test_fleiss_kappa_of_the_paper():
    ratings = [[word for word, count in enumerate(row) for _ in range(count)] for row in FLEISS_1971]
    assert fleiss_kappa(ratings) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_of_degenerate_ratings():
    assert fleiss_kappa([]) == fleiss_kappa([["a"], ["b"]]) == 0.0
    assert fleiss_kappa([["a", "a"], ["a", "a"]]) == fleiss_kappa([["a", "a"], ["b", "b"]]) == 1.0
    with pytest.raises(ValueError, match="as many ratings"):
        fleiss_kappa([["a", "a"], ["a"]])


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Draw many samples from raters whose true kappa is 0.6: of 95 % intervals, 90 to 99 in a hundred have it."""
    chance, truth = np.random.default_rng(1), np.array([[0.4, 0.1], [0.1, 0.4]])
    held = 0
    for seed in range(200):
        table = chance.multinomial(120, truth.ravel()).reshape(2, 2)
        low, high = bootstrap(table, kappa_of, seed)
        held += low <= 0.6 <= high
    assert 180 <= held <= 198


def test_an_interval_of_nothing_is_the_whole_range():
    assert tuple(bootstrap(np.zeros((2, 2)), kappa_of)) == (-1.0, 1.0) == tuple(pearson_interval(0.9, 3))
    assert tuple(pearson_interval(1.0, 10)) == (1.0, 1.0)
    low, high = pearson_interval(0.5, 100)
    assert (round(low, 3), round(high, 3)) == (0.337, 0.634)  # by Fisher's transformation


def test_few_pairs_without_a_disagreement_are_no_certainty():
    few, many = (np.diag([count * 3.0, count]) for count in (1, 100))
    assert kappa_interval(few).low < 0 < 0.9 < kappa_interval(many).low
    patterns = np.array([[0.0, 3.0], [1.0, 2.0], [2.0, 1.0], [3.0, 0.0]])
    few, many = (np.array([count, 0.0, 0.0, count * 3]) for count in (1, 100))
    assert fleiss_interval(patterns, few).low < 0 < 0.9 < fleiss_interval(patterns, many).low


def test_one_word_only_says_nothing_of_kappa():
    assert tuple(kappa_interval(np.diag([50.0, 0.0]))) == (-1.0, 1.0)
    assert tuple(fleiss_interval(np.array([[0.0, 3.0], [3.0, 0.0]]), np.array([9.0, 0.0]))) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("kappa", "words"),
    [(-0.1, "below chance"), (0.0, "poor"), (0.2, "fair"), (0.4, "moderate"), (0.6, "substantial"), (0.8, "near-perfect")],
)
def test_kappa_in_words(kappa, words):
    assert kappa_in_words(kappa) == words

"""The interval holds the true share as often as it says, and few examples prove little."""

import random

import pytest

from dspy_programs.budget.measuring.retention import needed, provable, retained


@pytest.mark.parametrize(("examples", "low"), [(14, 0.807), (59, 0.9505), (200, 0.985)])
def test_limit_of_faultless_answers_is_the_exact_one(examples, low):
    found = retained([1.0] * examples, [1.0] * examples)
    assert (
        found.value == 1.0
        and found.low == pytest.approx(low, abs=0.004)
        and provable(examples) == pytest.approx(low, abs=0.001)
    )


@pytest.mark.parametrize(("share", "examples"), [(0.95, 59), (0.9, 29), (0.5, 5), (0.0, 1)])
def test_needed_is_the_fewest_that_prove_a_share(share, examples):
    assert needed(share) == examples and provable(examples) >= share


@pytest.mark.parametrize(("accuracy", "kept"), [(1.0, 0.95), (0.9, 0.9), (0.6, 0.8)])
def test_lower_limit_is_above_the_truth_in_one_of_twenty_at_most(accuracy, kept):
    draw, above, runs = random.Random(3), 0, 80
    for _ in range(runs):
        points = [draw.random() for _ in range(80)]
        whole, new = ([float(point < right) for point in points] for right in (accuracy, accuracy * kept))
        above += retained(whole, new).low > kept
    assert above / runs <= 0.09  # 0.05 with its own error in 80 runs


def test_interval_holds_its_value_and_a_worse_prompt_scores_less():
    whole = [1.0] * 60
    better, worse = retained(whole, [1.0] * 58 + [0.0] * 2), retained(whole, [1.0] * 40 + [0.0] * 20)
    assert better.low < better.value < better.high and worse.high < better.low

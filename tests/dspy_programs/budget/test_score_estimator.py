"""A judge is asked again as long as that can decide something, and each answer is a new one."""

import random

import pytest

from dspy_programs.budget.score_estimator import OutOfCalls, ScoreEstimator, probability
from dspy_programs.budget.scorers import Score
from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import drawn
from dspy_programs.types import Criterion, Rubric, Section

RUBRIC = Rubric(name="r", criteria=[Criterion(name="a"), Criterion(name="b"), Criterion(name="c")])
WHOLE = [Section(name="x", content="one"), Section(name="y", content="two")]


class Judge:
    """True scores by the number of sections, with noise; remembers under which sample and order it was asked."""

    def __init__(self, scores, sd=0.0, seed=1, noisy=True):
        self.scores, self.sd, self.draw, self.noisy = scores, sd, random.Random(seed), noisy
        self.seen = []

    def score(self, sections, rubric, task=""):
        with drawn() as number:
            self.seen.append((len(sections), number, "".join(c.name for c in rubric.criteria)))
        return Score(self.scores[len(sections)] + self.draw.gauss(0, self.sd))


def verdict(judge, threshold=0.9, **settings):
    meter = ScoreEstimator(judge, RUBRIC, "", threshold, **settings)
    meter.measure_whole(WHOLE)
    return meter.verdict(WHOLE[:1]), meter


@pytest.mark.parametrize(("score", "answer"), [(0.9, "yes"), (0.72, "yes"), (0.71, "no"), (0.0, "no")])
def test_exact_scorer_is_asked_once_and_decides_at_the_target(score, answer):
    judge = Judge({2: 0.8, 1: score}, noisy=False)
    found, meter = verdict(judge)
    assert (found.answer, meter.calls, found.margin) == (answer, 2, 0.0) and found.target == pytest.approx(0.72)


def test_every_answer_is_a_new_sample_with_the_criteria_turned():
    judge = Judge({2: 0.8, 1: 0.75}, sd=0.1)
    verdict(judge)
    for size in (1, 2):
        asked = [(sample, order) for number, sample, order in judge.seen if number == size]
        assert [sample for sample, _ in asked] == list(range(len(asked)))
        assert [order for _, order in asked[:4]] == ["abc", "bca", "cab", "abc"][: len(asked)]


def test_clear_cases_take_few_answers_and_close_ones_many():
    far, close = (
        [verdict(Judge({2: 0.9, 1: score}, sd=0.1, seed=seed))[1].calls for seed in range(50)] for score in (0.2, 0.81)
    )
    assert sum(far) / 50 < 5 < 6 < sum(close) / 50 and max(close) <= 16


@pytest.mark.parametrize("seed", range(10))
def test_repeats_bound_the_answers_about_one_prompt(seed):
    judge = Judge({2: 0.8, 1: 0.72}, sd=0.3, seed=seed)
    verdict(judge, repeats=5)
    assert all(sum(number == size for number, *_ in judge.seen) <= 5 for size in (1, 2))


def test_wrong_yes_is_rare():
    wrong = [verdict(Judge({2: 0.8, 1: 0.64}, sd=0.05, seed=seed))[0].answer == "yes" for seed in range(400)]  # 80 % of it
    assert sum(wrong) <= 20


def test_right_yes_is_common():
    right = [verdict(Judge({2: 0.8, 1: 0.8}, sd=0.05, seed=seed), 0.8)[0].answer == "yes" for seed in range(400)]
    assert sum(right) >= 360


def test_meter_stops_at_the_bound_on_calls():
    meter = ScoreEstimator(Judge({2: 0.8, 1: 0.7}, sd=0.3), RUBRIC, "", 0.9, most_calls=2)
    meter.measure_whole(WHOLE)
    with pytest.raises(OutOfCalls):
        meter.verdict(WHOLE[:1])
    assert meter.calls == 2


def test_one_repeat_takes_a_single_answer_for_the_truth():
    found, meter = verdict(Judge({2: 0.8, 1: 0.73}, sd=0.0), repeats=1)
    assert (found.answer, meter.calls) == ("yes", 2)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_scorer_that_gives_no_number_is_an_error_after_a_bounded_number_of_calls(value):
    class Mute(Judge):
        def score(self, sections, rubric, task=""):
            super().score(sections, rubric, task)
            return Score(value, note="gibberish")

    judge = Mute({2: 0.8, 1: 0.7})
    with pytest.raises(LanguageModelError, match="cannot be read \\(gibberish\\); try another model"):
        verdict(judge, repeats=4)
    assert len(judge.seen) == 8


def test_scores_outside_of_zero_to_one_are_cut():
    class Wild(Judge):
        def score(self, sections, rubric, task=""):
            return Score(7.0 if len(sections) == 2 else -3.0)

    found, meter = verdict(Wild({}, noisy=False))
    assert (meter.mean(WHOLE), found.score, found.answer) == (1.0, 0.0, "no")


def test_probability_follows_the_evidence():
    same = {"sd": 0.05, "allowed": 0.05, "loss": 0.0, "most": 0.3}
    assert probability(0.0, chance=0.5, **same) > probability(0.1, chance=0.5, **same) > probability(0.3, chance=0.5, **same)
    assert probability(0.05, chance=0.9, **same) > probability(0.05, chance=0.1, **same)
    assert probability(0.0, 1e-6, 0.05, 0.5, 0.0, 0.3) > 0.999 and probability(0.2, 1e-6, 0.05, 0.5, 0.0, 0.3) < 0.001
    assert probability(9.0, 1e-9, 0.05, 0.5, 0.0, 0.3) == 0.0  # nothing expected comes near it

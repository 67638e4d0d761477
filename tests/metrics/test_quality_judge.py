"""The judge's metric: the people's verdict, clearly scored, is 1; constant and malformed answers are low."""

from types import SimpleNamespace

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.predict import Failure
from metrics.quality_judge import WEIGHTS, prefers_as_people_do

VERDICTS = ["first", "second", "tie"]
COMPONENTS = ["agreement", "margin", "format"]


def judged(verdict, overall=1.0, other_overall=0.0, **fields) -> dspy.Prediction:
    scores = {"scores": {"wit": overall}, "other_scores": {"wit": other_overall}, "reason": "because", "failure": None}
    return dspy.Prediction(verdict=verdict, overall=overall, other_overall=other_overall, **(scores | fields))


def score(gold: str, prediction):
    return prefers_as_people_do(dspy.Example(verdict=gold, unanimous=True), prediction)


@pytest.mark.parametrize(
    ("gold", "overalls"),
    [("first", (1.0, 0.0)), ("first", (0.8, 0.45)), ("second", (0.1, 0.6)), ("tie", (0.7, 0.7)), ("tie", (0.0, 0.0))],
)
def test_metric_is_one_for_the_peoples_verdict_clearly_scored(gold, overalls):
    result = score(gold, judged(gold, *overalls))
    assert (result.value, result.feedback) == (1.0, "Perfect.")
    assert result.components == dict.fromkeys(COMPONENTS, 1.0)


@pytest.mark.parametrize(
    ("gold", "prediction", "components"),
    [
        ("first", judged("second", 0.0, 1.0), {"agreement": 0.0, "margin": 0.0}),
        ("first", judged("tie", 0.5, 0.5), {"agreement": 0.25, "margin": 0.0}),
        ("first", judged("first", 0.5, 0.5), {"margin": 0.0}),
        ("first", judged("first", 0.65, 0.5), {"margin": 0.5}),
        ("tie", judged("first", 1.0, 0.0), {"agreement": 0.25, "margin": 0.0}),
        ("tie", judged("second", 0.5, 0.65), {"agreement": 0.25, "margin": 0.5}),
        ("first", judged("first", reason=""), {"format": 0.5}),
        ("first", judged("first", reason="r" * 101), {"format": 0.5}),
        ("first", judged("first", other_scores={}), {"format": 0.5}),
        ("first", judged("first", scores={"wit": 3}, other_scores=None, reason=None), {"format": 0.25}),
    ],
)
def test_metric_scores_what_is_wrong_alone(gold, prediction, components):
    expected = dict.fromkeys(COMPONENTS, 1.0) | components
    result = score(gold, prediction)
    assert result.components == pytest.approx(expected)
    assert result.value == pytest.approx(sum(WEIGHTS[name] * value for name, value in expected.items()))


@pytest.mark.parametrize(
    "prediction",
    [
        None,
        dspy.Prediction(),
        judged(None),
        judged("pass"),
        judged("First"),
        judged(["first"]),
        judged({"verdict": "first"}),
        judged("first", None),
        judged("first", "1.0"),
        judged("first", 7.0),
        judged("first", -0.1),
        judged("first", float("nan")),
        judged("first", True),
        SimpleNamespace(verdict="first"),
        judged("first", failure=Failure(reason="not JSON", raw_reply="10/10")),
    ],
)
def test_metric_is_zero_for_what_is_no_verdict(prediction):
    result = score("first", prediction)
    assert (result.value, result.components) == (0.0, dict.fromkeys(COMPONENTS, 0.0))
    assert "people found the first response better" in result.feedback


def test_metric_feedback_says_what_was_said_and_what_is_right():
    feedback = score("second", judged("first")).feedback
    assert "the verdict is 'first'. Right: people found the second response better" in feedback
    assert "the first response has 1.00 overall, the second 0.00" in feedback
    assert "people found both as good" in score("tie", judged("first")).feedback


@pytest.mark.parametrize(
    ("constant", "most"), [(judged("tie", 0.5, 0.5), 0.35), (judged("first"), 0.56), (judged("second", 0.0, 1.0), 0.56)]
)
def test_metric_pays_little_for_a_constant_verdict(constant, most):
    rows = ["first", "second"] * 9 + ["tie"] * 2
    assert sum(score(gold, constant).value for gold in rows) / len(rows) < most


shares = st.floats(0, 1)
junk = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.dictionaries(st.text(max_size=2), shares)
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "verdict": st.sampled_from(VERDICTS) | junk,
        "overall": shares | junk,
        "other_overall": shares | junk,
        "scores": junk,
        "other_scores": junk,
        "reason": junk,
    },
)


@given(fields, st.sampled_from([*VERDICTS, None]))
@settings(max_examples=100, deadline=None)
def test_metric_stays_in_bounds_for_any_prediction(values, gold):
    result = score(gold, dspy.Prediction(**values))
    assert all(0 <= value <= 1 for value in [result.value, *result.components.values()])
    assert (result.value == 1.0) == (result.feedback == "Perfect.")


@given(shares, shares, st.sampled_from(["first", "second"]))
@settings(deadline=None)
def test_metric_prefers_the_right_verdict_to_its_opposite(first, second, gold):
    wrong = {"first": "second", "second": "first"}[gold]
    assert score(gold, judged(gold, first, second)).value > score(gold, judged(wrong, first, second)).value

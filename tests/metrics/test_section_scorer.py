"""The section scorer's metric: right scores give 1, constant ones little, and no prediction makes it fail."""

from types import SimpleNamespace

import dspy
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.predict import Failure
from dspy_programs.types import Rubric
from metrics.section_scorer import WEIGHTS, coverage_agrees

COMPONENTS = list(WEIGHTS)
GOLD = {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}


def row(gold=GOLD, **fields):
    rubric = Rubric(name="r", criteria=[{"name": name} for name in gold])
    covering = {name: [f"part_{name}"] if share else [] for name, share in gold.items()}
    return dspy.Example(rubric=rubric, gold=gold, covering=covering, overall=rubric.overall(gold), **fields)


def score(scores, gold=GOLD, **fields):
    example = row(gold)
    try:
        overall = example.rubric.overall(scores)
    except (TypeError, AttributeError):
        overall = None
    return coverage_agrees(example, dspy.Prediction(**({"scores": scores, "overall": overall} | fields)))


@pytest.mark.parametrize("gold", [GOLD, {"a": 1.0}, {"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 0.5, "c": 0.0}])
def test_coverage_agrees_is_one_for_the_reference(gold):
    result = score(dict(gold), gold, failure=None)
    expected = dict.fromkeys(COMPONENTS, 1.0)
    if 0.5 in gold.values():
        expected["agreement"] = 1.0
    assert (result.value, result.feedback, result.components) == (1.0, "Perfect.", expected)


@pytest.mark.parametrize(
    ("scores", "components"),
    [
        ({"a": 1, "b": 1, "c": 1, "d": 0}, {"error": 0.5, "agreement": 0.5, "ranking": 0.5}),  # one too many
        ({"a": 1, "b": 0, "c": 0, "d": 0}, {"error": 0.5, "agreement": 0.5, "ranking": 0.5}),  # one too few
        ({"a": 1, "b": 0, "c": 1, "d": 0}, {"agreement": 0.0, "ranking": 0.25}),  # right sum, wrong place
        ({"a": 0, "b": 0, "c": 1, "d": 1}, {"agreement": 0.0, "ranking": 0.0}),  # turned round
        ({"a": 0.8, "b": 0.8, "c": 0.2, "d": 0.2}, {"agreement": 0.6}),  # unsure, in order
        (dict.fromkeys(GOLD, 1), {"error": 0.0, "agreement": 0.0, "ranking": 0.0}),
        (dict.fromkeys(GOLD, 0), {"error": 0.0, "agreement": 0.0, "ranking": 0.0}),
        (dict.fromkeys(GOLD, 0.5), {"agreement": 0.0, "ranking": 0.0}),
        ({"a": 1, "b": 1}, {"format": 1 / 3}),  # two left out
        ({**GOLD, "e": 1.0}, {"format": 0.5}),  # one made up
        ({**GOLD, "b": 1.5}, {"error": 0.25, "agreement": 0.5, "ranking": 0.5, "format": 0.5}),  # out of range
    ],
)
def test_coverage_agrees_scores_what_is_wrong_alone(scores, components):
    expected = dict.fromkeys(COMPONENTS, 1.0) | components
    overall = {"overall": 0.375 + 0.5} if scores.get("b") == 1.5 else {}
    result = score(scores, **overall)
    assert result.components == pytest.approx(expected)
    assert result.value == pytest.approx(sum(WEIGHTS[name] * value for name, value in expected.items()))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_coverage_agrees_gives_the_same_answer_to_everything_at_most_half(share):
    golds = [{"a": 1.0, "b": 1.0, "c": 0.0}, {"a": 1.0, "b": 0.0, "c": 0.0}, GOLD]
    assert sum(score(dict.fromkeys(gold, share), gold).value for gold in golds) / 3 < 0.5


def test_coverage_agrees_ranks_rows_of_one_kind_by_how_far_off_they_are():
    all_covered = {"a": 1.0, "b": 1.0}
    assert score({"a": 1.0, "b": 0.0}, all_covered).components["ranking"] == 0.5
    assert "all of them are 1" in score({"a": 1.0, "b": 0.0}, all_covered).feedback


@pytest.mark.parametrize(
    "prediction",
    [
        None,
        dspy.Prediction(),
        dspy.Prediction(scores=None, overall=1.0),
        dspy.Prediction(scores={}, overall=0.5),
        dspy.Prediction(scores=7, overall=0.5),
        dspy.Prediction(scores=[("a", 1)], overall=0.5),
        dspy.Prediction(scores={"x": 1.0}, overall=0.5),
        dspy.Prediction(scores={"a": "1.0", "b": None, "c": True, "d": [0]}, overall=0.5),
        dspy.Prediction(scores={"a": float("nan"), "b": float("inf"), "c": -1, "d": 10**400}, overall=0.5),
        dspy.Prediction(scores=np.array([1, 2]), overall=0.5),
        SimpleNamespace(scores="a: 1, b: 1"),
    ],
)
def test_coverage_agrees_is_zero_for_what_are_no_scores(prediction):
    result = coverage_agrees(row(), prediction)
    assert (result.value, result.components) == (0.0, dict.fromkeys(COMPONENTS, 0.0))
    assert "Right: a 1 (part_a), b 1 (part_b), c 0 (none), d 0 (none)" in result.feedback


def test_coverage_agrees_is_zero_for_failure_even_when_rules_answered_right():
    result = score(dict(GOLD), failure=Failure(reason="not JSON", raw_reply="All are covered. " * 100))
    assert result.value == 0.0
    assert "not JSON" in result.feedback and "'All are covered." in result.feedback and len(result.feedback) < 500


@pytest.mark.parametrize("overall", [None, "0.5", float("nan"), 2, -0.1, True, [0.5]])
def test_coverage_agrees_gives_no_error_points_for_an_overall_that_is_none(overall):
    assert score(dict(GOLD), overall=overall).components == dict.fromkeys(COMPONENTS, 1.0) | {"error": 0.0}


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({**GOLD, "b": 0.0}, "b is 0, right 1: part_b asks for it"),
        ({**GOLD, "c": 1.0}, "c is 1, right 0: no section asks for it"),
        ({**GOLD, "c": 1.0}, "overall 0.75, right 0.50"),
        ({**GOLD, "a": 0.0}, "should be ranked a above c, a above d"),
        ({"a": 1.0}, "b has no score in [0, 1]"),
        ({**GOLD, "e": 1.0}, "there is no criterion 'e'"),
    ],
)
def test_coverage_agrees_feedback_says_what_to_mend(scores, said):
    assert said in score(scores).feedback


@pytest.mark.parametrize("missing", ["gold", "covering", "overall"])
def test_coverage_agrees_does_not_fail_on_a_row_without_labels(missing):
    fields = {name: value for name, value in row().toDict().items() if name != missing}
    result = coverage_agrees(dspy.Example(**fields), dspy.Prediction(scores={**GOLD, "a": 0.0}, overall=0.5))
    assert 0 <= result.value < 1


names = st.sampled_from([*GOLD, "x", ""])
values = st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.text(max_size=3)
junk = st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=6)
shares = st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0])
golds = st.dictionaries(st.sampled_from("abcde"), st.sampled_from([0.0, 1.0]), min_size=1)


@given(st.dictionaries(names, shares | values) | junk, junk | shares, golds)
@settings(max_examples=100, deadline=None)
def test_coverage_agrees_stays_in_bounds_for_any_scores(scores, overall, gold):
    result = score(scores, gold, overall=overall)
    assert all(0 <= value <= 1 for value in [result.value, *result.components.values()])
    assert result == score(scores, gold, overall=overall)
    assert (result.value == 1.0) == (result.feedback == "Perfect.")


@given(golds, st.data())
@settings(max_examples=100, deadline=None)
def test_coverage_agrees_never_punishes_one_criterion_more_that_is_right(gold, data):
    scores = {name: data.draw(st.sampled_from([0.0, 1.0])) for name in gold}
    wrong = [name for name in gold if scores[name] != gold[name]]
    if wrong:
        mended = scores | {(name := data.draw(st.sampled_from(wrong))): gold[name]}
        before, after = score(scores, gold).components, score(mended, gold).components
        assert all(after[part] >= before[part] - 1e-9 for part in ("agreement", "ranking", "format"))

"""The right cause with the lines that prove it scores 1; each fault costs its part; a calm log must be called calm."""

from types import SimpleNamespace

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from metrics.log_context import WEIGHTS, holds, log_is_explained

ROW = dspy.Example(
    task="Why?", logs="...", context_keywords=["pool", "exhausted|used up"], key_points_keywords=["pool of billing exhausted"]
)
CALM = dspy.Example(task="Why?", logs="...", context_keywords=[], key_points_keywords=[])
CONTEXT, POINT = "The pool of billing is used up.", "ERROR pool of billing exhausted: 20 of 20"


def scored(context=CONTEXT, points=(POINT,), withdrawn=(), row=ROW, failure=None):
    made = [SimpleNamespace(text=text, line=1) for text in points]
    return log_is_explained(
        row, dspy.Prediction(context=context, key_points=made, withdrawn=list(withdrawn), failure=failure, answered_by="model")
    )


def test_what_is_right_scores_one():
    assert scored().value == 1.0 and scored().feedback == "Perfect."


@pytest.mark.parametrize(
    ("part", "lost", "given", "said"),
    [
        ("context", 0.5, {"context": "The pool is broken."}, "exhausted|used up"),
        ("context", 1, {"context": "It is the carpool, inexhaustible."}, "pool, exhausted"),
        ("key_points", 1, {"points": ["ERROR request timed out"]}, "pool of billing exhausted"),
        ("key_points", 1, {"points": []}, "pool of billing"),
        ("faithful", 1 / 3, {"withdrawn": ["Oracle broke."]}, "'Oracle broke.'"),
        ("brief", 0.5, {"context": CONTEXT + " so" * 173}, "180 words"),
    ],
)
def test_each_fault_costs_its_part(part, lost, given, said):
    score = scored(**given)
    assert score.value == pytest.approx(1 - lost * WEIGHTS[part], abs=0.01) and said in score.feedback
    assert [name for name, value in score.components.items() if value < 1] == [part]


@pytest.mark.parametrize(
    ("text", "is_calm"), [("All is well.", True), ("There is no error.", True), ("A fatal error came.", False)]
)
def test_where_nothing_went_wrong_that_must_be_said(text, is_calm):
    score = scored(text, (), row=CALM)
    assert score.value == (1.0 if is_calm else pytest.approx(1 - WEIGHTS["context"]))
    assert scored("All is well.", (POINT,), row=CALM).components["key_points"] == 0.0


def test_an_unreadable_reply_scores_zero():
    assert scored(failure="x").value == 0.0 and scored(context=None).value == 0.0
    assert log_is_explained(ROW, dspy.Prediction(context="a", key_points="no", failure=None)).value == 0.0


@pytest.mark.parametrize(
    ("text", "keyword", "found"),
    [
        ("in line 3,", "line 3", True),
        ("line 31", "line 3", False),
        ("`a.b`", "a", True),
        ("a(b)", "a(b)|c", True),
        ("", "a|", False),
    ],
)
def test_a_keyword_is_not_found_inside_of_a_longer_one(text, keyword, found):
    assert holds(text, keyword) is found


ANYTHING = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.lists(st.text(max_size=5), max_size=3))


@settings(max_examples=60, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_malformed_predictions_score_between_0_and_1(context, points, withdrawn):
    for row in (ROW, CALM, dspy.Example(), dspy.Example(context_keywords=3, key_points_keywords="no")):
        pred = dspy.Prediction(context=context, key_points=points, withdrawn=withdrawn)
        assert 0 <= log_is_explained(row, pred).value <= 1

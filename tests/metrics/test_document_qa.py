"""A right answer with its sentence scores 1, an answer where there is none 0, and anything malformed never raises."""

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from metrics.document_qa import document_answers

GOLD = dspy.Example(answers=["Ada Lindqvist", "Lindqvist"], evidence="Its first director, Ada Lindqvist, kept the logbooks.")
NONE = dspy.Example(answers=[], evidence="")


def prediction(answer, quote=""):
    return dspy.Prediction(answer=answer, quotes=[dspy.Prediction(text=quote)] if quote else [], failure=None)


@pytest.mark.parametrize(
    "gold, pred, value",
    [
        (GOLD, prediction("the Lindqvist!", GOLD.evidence), 1.0),
        (GOLD, prediction("Ada Lindqvist", "Its first"), 0.5 + 0.3 + 0.2 * (2 / 8) / 0.8),
        (GOLD, prediction("Ada Lovelace", GOLD.evidence), 0.5 * 0.5 + 0.2 + 0.3),
        (GOLD, prediction(""), 0.0),
        (NONE, prediction(""), 1.0),
        (NONE, prediction("Ada"), 0.0),
        (GOLD, dspy.Prediction(), 0.0),
        (GOLD, dspy.Prediction(answer=3, quotes=None), 0.0),
    ],
)
def test_metric(gold, pred, value):
    score = document_answers(gold, pred)
    assert score.value == pytest.approx(value)
    assert (score.feedback == "Perfect.") == (value == 1.0)


ANYTHING = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.lists(st.text(max_size=5), max_size=3))


@settings(max_examples=100, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_malformed_predictions_score_between_0_and_1(answer, quotes, failure):
    for gold in (GOLD, NONE, dspy.Example()):
        assert 0 <= document_answers(gold, dspy.Prediction(answer=answer, quotes=quotes, failure=failure)).value <= 1

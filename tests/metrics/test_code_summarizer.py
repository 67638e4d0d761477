"""A summary that says what matters, names only what is there and is short scores 1; each fault costs its part."""

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from metrics.code_summarizer import WEIGHTS, stems_in, summary_says_it

ROW = dspy.Example(
    code="def load_settings(path):\n    raise ValueError", ask="", keywords=["settings", "load|read", "ValueError"]
)
GOOD = "Loads the settings in `path`, or raises `ValueError`."


def scored(summary=GOOD, row=ROW, **fields):
    return summary_says_it(row, dspy.Prediction(summary=summary, **{"withdrawn": [], "failure": None, **fields}))


def test_what_is_right_scores_one():
    assert scored().value == 1.0 and scored().feedback == "Perfect."
    assert scored("`load_settings` raises `ValueError`.").value == 1.0  # parts of a name count


@pytest.mark.parametrize(
    ("part", "lost", "given", "said"),
    [
        ("keywords", 1 / 3, {"summary": "Loads the settings."}, "say ValueError"),
        ("faithful", 1, {"summary": GOOD.replace(".", " by `toml`.")}, "the code has no toml"),
        ("faithful", 0.5, {"withdrawn": ["It calls `get`."]}, "withdrawn: 'It calls `get`.'"),
        ("length", 0.5, {"summary": GOOD + " so" * 172}, "180 words"),
        ("length", 0.2, {"summary": f"{GOOD} It. Is. So. Short."}, "5 sentences"),
    ],
)
def test_each_fault_costs_its_part(part, lost, given, said):
    score = scored(**given)
    assert score.value == pytest.approx(1 - lost * WEIGHTS[part], abs=0.01) and said in score.feedback
    assert [name for name, value in score.components.items() if value < 1] == [part]


def test_an_unreadable_reply_scores_zero():
    assert scored(failure="x").value == 0.0 and scored(None).value == 0.0


def test_words_count_in_their_forms_and_inside_of_names():
    assert stems_in("retries") & stems_in("max_retry") and stems_in("HTTPHeader") >= stems_in("header")
    assert not stems_in("header") & stems_in("head")


ANYTHING = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.lists(st.text(max_size=5), max_size=3))


@settings(max_examples=60, deadline=None)
@given(ANYTHING, ANYTHING)
def test_malformed_predictions_score_between_0_and_1(summary, withdrawn):
    for row in (ROW, dspy.Example(), dspy.Example(keywords=3, code=None)):
        assert 0 <= summary_says_it(row, dspy.Prediction(summary=summary, withdrawn=withdrawn)).value <= 1

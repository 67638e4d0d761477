"""A right tool earns two thirds, its arguments the rest; a wrong one nothing."""

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from metrics.actor import AcceptedCall
from metrics.orchestrator import tool_answers
from optimizers.data import data_directory, read_split
from optimizers.recipes import RECIPES

GREP = AcceptedCall(tool="grep", accepted={"pattern": ["print", r"print\("], "path": ["shop", ""]})
SEARCH = AcceptedCall(tool="search", accepted={"question": ["where is the tax added?"]})


def scored(tool, arguments, calls=(GREP, SEARCH), targets=("tax", "added"), missing=(), to_ask=(), **fields):
    gold = dspy.Example(calls=list(calls), targets=list(targets), missing=list(to_ask))
    gaps = [dspy.Prediction(argument=name) for name in missing]
    return tool_answers(gold, dspy.Prediction(tool=tool, arguments=arguments, missing=gaps, failure=None, **fields))


@pytest.mark.parametrize(
    ("tool", "arguments", "value"),
    [
        ("grep", {"pattern": "print"}, 1.0),
        ("grep", {"pattern": r"\bPRINT\(", "path": "shop/"}, 1.0),
        ("grep", {"pattern": "print", "path": "web"}, 5 / 6),
        ("grep", {"pattern": "log"}, 2 / 3),
        ("grep", {}, 2 / 3),
        ("grep", {"pattern": "print", "depth": 2}, 5 / 6),
        ("search", {"question": "tax is added by whom"}, 1.0),
        ("search", {"question": "tax"}, 5 / 6),
        ("tree", {}, 0.0),
        ("", {}, 0.0),
    ],
)
def test_value(tool, arguments, value):
    score = scored(tool, arguments)
    assert score.value == pytest.approx(value) and ("Right: " in score.feedback) == (value < 1)


def test_no_tool_is_right_only_where_none_fits():
    assert scored("", {}, calls=()).value == 1.0 and scored("grep", {"pattern": "x"}, calls=()).value == 0.0


def test_what_is_not_said_has_to_be_asked_for():
    call = AcceptedCall(tool="extract", accepted={})
    given = {"calls": [call], "targets": [], "to_ask": ["symbol"]}
    assert scored("extract", {}, missing=["symbol"], **given).value == 1.0
    assert scored("extract", {"symbol": "x"}, **given).value == pytest.approx(2 / 3)
    assert scored("extract", {}, **given).value == pytest.approx(2 / 3)
    assert scored("grep", {}, missing=["pattern"]).value == pytest.approx(2 / 3)


ANYTHING = st.one_of(st.none(), st.text(max_size=9), st.integers(), st.dictionaries(st.text(max_size=5), st.integers()))


@settings(max_examples=60, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_malformed_predictions_score_between_0_and_1(tool, arguments, missing):
    for gold in (dspy.Example(calls=[GREP]), dspy.Example(), dspy.Example(calls=[], targets=3, missing="x")):
        score = tool_answers(gold, dspy.Prediction(tool=tool, arguments=arguments, missing=missing))
        assert 0 <= score.value <= 1


def test_one_tool_for_everything_scores_low():
    """dspy-code's own metric gave `tree` two thirds of every row."""
    recipe = RECIPES["orchestrator"]
    rows = read_split(data_directory("orchestrator") / "test.jsonl", recipe.program, recipe.labels)
    always = dspy.Prediction(tool="tree", arguments={}, missing=[], failure=None)
    assert sum(tool_answers(row, always).value for row in rows) / len(rows) < 0.1

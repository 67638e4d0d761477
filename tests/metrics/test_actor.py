"""The actor's metric: accepted calls score 1, wrong ones less for what is wrong, and no calls make it fail."""

from types import SimpleNamespace

import dspy
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.predict import Failure
from dspy_programs.types import Call
from metrics.actor import MOST_EXACT, WEIGHTS, AcceptedCall, calls_match, one_call, same

COMPONENTS = ["function", "arguments", "decision", "format", "exact"]


def want(tool: str, **accepted) -> dict:
    return {"tool": tool, "accepted": accepted}


def call(tool: str, **arguments) -> dict:
    return {"tool": tool, "arguments": arguments}


OSLO = want("weather", city=["Oslo", "Oslo, Norway"], days=[5], unit=["celsius", ""])
MAIL = want("mail", to=["Ann"])
GOLD = [OSLO, MAIL]
RIGHT = [call("weather", city="Oslo", days=5), call("mail", to="Ann")]


def score(calls, gold=GOLD, **fields):
    row = dspy.Example(calls=[AcceptedCall(**accepted) for accepted in gold])
    empty = {"finish": None, "cannot": None, "problems": [], "failure": None}
    return calls_match(row, dspy.Prediction(calls=calls, **(empty | fields)))


@pytest.mark.parametrize(
    ("gold", "calls"),
    [
        (GOLD, RIGHT),
        (GOLD, RIGHT[::-1]),
        (GOLD, [call("weather", city="oslo norway", days=5.0, unit="Celsius"), Call(**RIGHT[1])]),
        ([want("now")], [call("now")]),
        ([want("f", a=[1]), want("f", a=[2]), want("f", a=[3])], [call("f", a=3), call("f", a=1), call("f", a=2)]),
    ],
)
def test_calls_match_is_one_for_accepted_calls(gold, calls):
    result = score(calls, gold)
    assert (result.value, result.feedback) == (1.0, "Perfect.")
    assert result.components == dict.fromkeys(COMPONENTS, 1.0)


@pytest.mark.parametrize(
    ("calls", "components"),
    [
        (RIGHT[:1], {"function": 2 / 3, "arguments": 0.5}),  # one missing
        ([*RIGHT, call("mail", to="Ann")], {"function": 0.8, "arguments": 2 / 3}),  # one twice
        ([RIGHT[0], call("sms", to="Ann")], {"function": 0.5, "arguments": 0.5}),  # another function
        ([call("weather", city="Bergen", days=5), RIGHT[1]], {"arguments": 0.75}),  # one of two arguments
        ([call("weather", city="Oslo"), RIGHT[1]], {"arguments": 0.75}),  # one missing
        ([call("weather", city="Oslo", days=5, hours=1), RIGHT[1]], {"arguments": (2 / 3 + 1) / 2}),  # one too many
        ([call("weather", city="Oslo", days=5, unit="kelvin"), RIGHT[1]], {"arguments": (2 / 3 + 1) / 2}),
        ([call("weather", city="Oslo", days="5"), RIGHT[1]], {"arguments": 0.75}),  # another type
        ([call("weather", city="Oslo", days=True), RIGHT[1]], {"arguments": 0.75}),
        ([call("sms"), call("fax")], {"function": 0.0, "arguments": 0.0}),  # nothing right
    ],
)
def test_calls_match_scores_what_is_wrong_alone(calls, components):
    expected = dict.fromkeys(COMPONENTS, 1.0) | {"exact": 0.0} | components
    result = score(calls)
    assert result.components == pytest.approx(expected)
    assert result.value == pytest.approx(sum(WEIGHTS[name] * value for name, value in expected.items()))


@pytest.mark.parametrize("said", [{"cannot": "no tool fits"}, {"finish": "it is 5"}])
def test_calls_match_is_one_for_no_call_exactly_where_none_is_right(said):
    assert score([], [], **said).value == 1.0
    assert score([], GOLD, **said).value == pytest.approx(WEIGHTS["format"])
    assert score(RIGHT, []).value == pytest.approx(WEIGHTS["format"])


def test_calls_match_wants_calls_or_one_of_finish_and_cannot():
    assert score(RIGHT, cannot="but still").components["format"] == 0.5
    assert score([], [], cannot="x", finish="y").components["format"] == 0.5
    assert score([], [], cannot=" ").components["format"] == 0.5
    assert score([], []).value == pytest.approx(1 - WEIGHTS["format"] / 2)


def test_calls_match_counts_problems_of_the_format():
    assert score(RIGHT, problems=["mail: to: missing"]).components["format"] == 0.5
    assert score(RIGHT, problems=["a", "b"]).components["format"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("value", "accepted", "right"),
    [
        ("New-York, NY.", "new york ny", True),
        ("it's", 'it"s', True),
        ("x+y", "xy", False),
        (5, 5.0, True),
        (5.5, 5, False),
        ("5", 5, False),
        (True, 1, False),
        (1, True, False),
        (False, False, True),
        (None, None, True),
        ([1, 2], [1, 2], True),
        ([2, 1], [1, 2], False),
        (["A b"], ["ab"], True),
        ([1], 1, False),
        ({"a": "X"}, {"a": ["x", "y"]}, True),
        ({"a": "z"}, {"a": ["x", "y"]}, False),
        ({}, {"a": ["x", ""]}, True),
        ({}, {"a": ["x"]}, False),
        ({"a": "x", "b": 1}, {"a": ["x"]}, False),
        ({"a": {"b": 1}}, {"a": [{"b": [1, 2]}]}, True),
        ([{"a": 1}, {"a": 2}], [{"a": [1]}, {"a": [2]}], True),
        ({"a": 1}, {"a": 1}, True),
    ],
)
def test_same_follows_the_rules_of_bfcl(value, accepted, right):
    assert same(value, accepted) is right


def test_calls_match_pairs_calls_of_one_function_the_best_way():
    gold = [want("f", a=[1], b=[1]), want("f", a=[1], b=[2])]
    result = score([call("f", a=1, b=2), call("f", a=1, b=3)], gold)
    assert result.components["arguments"] == pytest.approx(0.75)  # greedily in order it would be 0.5


def test_calls_match_takes_any_number_of_calls():
    gold = [want("f", a=[i]) for i in range(MOST_EXACT * 2)]
    assert score([call("f", a=i) for i in reversed(range(MOST_EXACT * 2))], gold).value == 1.0
    flood = score([*RIGHT, *[call("mail", to="Ann")] * 2000])
    assert flood.components["arguments"] == pytest.approx(2 / 2002)
    assert len(flood.feedback) < 2000


@pytest.mark.parametrize(
    "prediction",
    [
        None,
        dspy.Prediction(),
        dspy.Prediction(calls=None),
        dspy.Prediction(calls=7),
        dspy.Prediction(calls="weather(Oslo)"),
        dspy.Prediction(calls={"tool": "weather"}),
        dspy.Prediction(calls=[None]),
        dspy.Prediction(calls=["weather"]),
        dspy.Prediction(calls=[{"tool": "weather", "arguments": "Oslo"}]),
        dspy.Prediction(calls=[{"tool": "", "arguments": {}}]),
        dspy.Prediction(calls=[{**RIGHT[0], "more": 1}]),
        dspy.Prediction(calls=[Failure(reason="", raw_reply="")]),
        dspy.Prediction(calls=np.array([1, 2])),
        SimpleNamespace(calls=[SimpleNamespace(tool="weather")]),
    ],
)
@pytest.mark.parametrize("gold", [GOLD, []])
def test_calls_match_is_zero_for_what_are_no_calls(prediction, gold):
    result = calls_match(dspy.Example(calls=[AcceptedCall(**accepted) for accepted in gold]), prediction)
    assert result.value == 0.0
    assert result.components == dict.fromkeys(COMPONENTS, 0.0)
    assert "Right: " in result.feedback


def test_calls_match_is_zero_for_failure_even_when_the_rules_answered_right():
    result = score(RIGHT, failure=Failure(reason="not JSON", raw_reply="I would first " + "think " * 100))
    assert result.value == 0.0
    assert "not JSON" in result.feedback and "'I would first think" in result.feedback
    assert len(result.feedback) < 600
    assert score([], [], cannot="no", failure=Failure(reason="x", raw_reply="")).value == 0.0


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([call("weather", city="Bergen", days=5), RIGHT[1]], 'weather: city is "Bergen", right: "Oslo" or "Oslo, Norway"'),
        ([call("weather", city="Oslo"), RIGHT[1]], "weather: days is missing, right: 5"),
        ([call("weather", city="Oslo", days=5, hours=1), RIGHT[1]], "weather: hours is not asked for: leave it out"),
        (
            [RIGHT[0], call("sms")],
            'missing mail; not needed: sms. Right: weather({"city": "Oslo", "days": 5}); mail({"to": "Ann"})',
        ),
    ],
)
def test_calls_match_feedback_names_what_is_wrong_and_what_is_right(calls, said):
    assert said in score(calls).feedback


def test_calls_match_feedback_names_the_wrong_decision():
    assert "there is no call (it says: too hard). Right: weather(" in score([], cannot="too hard").feedback
    assert "no call is right" in score(RIGHT, []).feedback


def test_one_call_leaves_out_what_may_be():
    nested = AcceptedCall(**want("f", a=[{"b": [1, 2], "c": ["x", ""]}], d=[[{"e": [3]}]], g=["", 4]))
    assert one_call(nested) == Call(tool="f", arguments={"a": {"b": 1}, "d": [{"e": 3}]})


def test_calls_match_changes_neither_argument():
    row = dspy.Example(calls=[AcceptedCall(**accepted) for accepted in GOLD])
    prediction = dspy.Prediction(calls=[call("weather", city="x")], cannot=None)
    before = (repr(row), repr(prediction))
    calls_match(row, prediction)
    assert (repr(row), repr(prediction)) == before


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.floats() | st.sampled_from(["", "a", "A.", "b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
names = st.sampled_from(["f", "g"])
any_call = st.builds(lambda tool, a: {"tool": tool, "arguments": a}, names, st.dictionaries(st.sampled_from("ab"), values))
references = st.lists(
    st.builds(
        lambda tool, a: {"tool": tool, "accepted": a},
        names,
        st.dictionaries(st.sampled_from("ab"), st.lists(values, min_size=1, max_size=2), max_size=2),
    ),
    max_size=3,
)


@given(st.lists(any_call, max_size=5) | values, references, values, values)
@settings(max_examples=100, deadline=None)
def test_calls_match_stays_in_bounds_for_any_calls(calls, gold, problems, said):
    result = score(calls, gold, problems=problems, cannot=said)
    assert all(0 <= value <= 1 for value in [result.value, *result.components.values()])
    assert result == score(calls, gold, problems=problems, cannot=said)
    assert (result.value == 1.0) == (result.feedback == "Perfect.")


@given(st.lists(any_call, min_size=1, max_size=4), references, any_call)
@settings(max_examples=100, deadline=None)
def test_calls_match_never_pays_for_a_call_of_a_function_that_is_not_needed(calls, gold, extra):
    padded = [*calls, extra | {"tool": "h"}]
    assert score(padded, gold).value <= score(calls, gold).value + 1e-9

"""The judge's metric: the label scores 1, half right half, constant and padded verdicts little, and nothing makes it fail."""

from collections import Counter
from types import SimpleNamespace

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.predict import Failure
from dspy_programs.types import Turn
from metrics.failure_judge import MODES, WEIGHTS, AcceptedVerdict, judge_agrees
from optimizers.data import data_directory, read_split
from optimizers.recipes import recipe

TURNS = [Turn(turn_number=i, role="agent", content=f"turn {i}") for i in range(9)]
LABEL = {"mode": "TOOL_MISUSE", "turn": 4, "cause": "create_task board"}
NONE = {"mode": "none", "turn": None, "cause": ""}


def score(pred: dict | object, label: dict = LABEL):
    given_ = dspy.Prediction(**pred) if isinstance(pred, dict) else pred
    return judge_agrees(dspy.Example(goal="g", turns=TURNS, **label), given_)


def said(mode="TOOL_MISUSE", turn: object = 4, cause: object = "create_task was called without a board", **fields) -> dict:
    return {"mode": mode, "turn": turn, "cause": cause, "confidence": 0.8, "failure": None, **fields}


@pytest.mark.parametrize(
    "label", [LABEL, NONE, {"mode": None, "turn": 2, "cause": "the price is wrong"}, LABEL | {"cause": ""}]
)
def test_judge_agrees_is_one_for_the_reference(label):
    reference = said(label["mode"] or "GOAL_DRIFT", label["turn"], label["cause"] or "no fault")
    result = score(reference, label)
    assert (result.value, result.feedback) == (1.0, "Perfect.")


@pytest.mark.parametrize(
    ("pred", "components"),
    [
        (said(turn=5), {"turn": 0.5}),
        (said(turn=2), {"turn": 0.5}),
        (said(turn=7), {"turn": 0.0}),
        (said(turn=None), {"turn": 0.0, "format": 0.5}),
        (said(turn=True), {"turn": 0.0, "format": 0.5}),
        (said(turn=40), {"turn": 0.0, "format": 0.5}),
        (said("GOAL_DRIFT"), {"mode": 0.0}),
        (said("none", None), {"mode": 0.0, "turn": 0.0}),
        (said("none", 4), {"mode": 0.0, "format": 0.5}),
        (said("UNKNOWN", None), {"mode": 0.0, "turn": 0.0}),
        (said("CRASH", None), {"mode": 0.0, "turn": 0.0, "format": 0.5}),
        (said(cause="the board"), {"cause": 1 / 3}),
        (said(cause=""), {"cause": 0.0, "format": 0.5}),
        (said(cause=None), {"cause": 0.0, "format": 0.5}),
        (said(confidence=7), {"format": 0.5}),
        (said(confidence="high", cause=""), {"cause": 0.0, "format": 1 / 3}),
    ],
)
def test_judge_agrees_scores_what_is_wrong_alone(pred, components):
    expected = dict.fromkeys(WEIGHTS, 1.0) | components
    result = score(pred)
    assert result.components == pytest.approx(expected)
    assert result.value == pytest.approx(sum(WEIGHTS[name] * value for name, value in expected.items()))
    assert {line.split()[0] for line in result.feedback.splitlines()} == components.keys()


def test_judge_agrees_wants_no_turn_where_nothing_failed():
    assert score(said("none", None, "nothing"), NONE).value == 1.0
    blamed = score(said("TOOL_MISUSE", 1), NONE)
    assert (blamed.components["mode"], blamed.components["turn"]) == (0.0, 0.0)
    assert "no turn failed" in blamed.feedback


def test_a_verdict_that_is_accepted_beside_the_label_is_right():
    label = LABEL | {"also": [AcceptedVerdict(mode="HALLUCINATION", turn=2), AcceptedVerdict(mode="NO_ANSWER", turn=8)]}
    assert score(said("HALLUCINATION", 2, "the board is made up"), label).value == 1.0
    assert score(said("HALLUCINATION", 4), label).components["turn"] == 0.5
    assert score(said("GOAL_DRIFT", 2), label).components["mode"] == 0.0
    assert score(said(), label).value == 1.0


def test_a_failure_of_unknown_cause_needs_no_turn():
    unknown = {"mode": "UNKNOWN", "turn": None, "cause": ""}
    assert score(said("UNKNOWN", None, "nothing shows how"), unknown).value == 1.0
    assert score(said("UNKNOWN", 4), unknown).value == 1.0
    assert score(said("UNKNOWN", 40), unknown).components["format"] == 0.5


def test_judge_agrees_leaves_out_what_nobody_has_labelled():
    assert score(said(turn=2), {"mode": None, "turn": 2, "cause": ""}).components.keys() == {"turn", "format"}
    assert score(said(turn=2), {"mode": "GOAL_DRIFT", "turn": None, "cause": ""}).components.keys() == {"mode", "format"}


def test_judge_agrees_does_not_pay_for_copying_the_run():
    copied = "create_task board " + " ".join(f"word{i}" for i in range(400))
    assert score(said(cause=copied)).components["cause"] < 0.15


@pytest.mark.parametrize(
    "pred",
    [
        None,
        {},
        {"mode": None},
        {"mode": "HALUCINATION", "turn": 4},
        {"mode": ["TOOL_MISUSE"], "turn": 4},
        {"mode": 7},
        SimpleNamespace(turn=4),
        said(failure=Failure(reason="not JSON", raw_reply="I would " + "think " * 100)),
    ],
)
def test_judge_agrees_is_zero_for_what_is_no_verdict(pred):
    result = score(pred)
    assert result.value == 0.0 and set(result.components.values()) == {0.0}
    assert "Right: TOOL_MISUSE at turn 4 (create_task board)" in result.feedback and len(result.feedback) < 600


def test_judge_agrees_scores_a_constant_judge_low():
    judge = recipe("failure_judge")
    rows = [r for r in read_split(data_directory("failure_judge") / "test.jsonl", judge.program, judge.labels) if r.mode]
    assert min(Counter(row.mode for row in rows).values()) >= 20
    for mode in MODES:
        for turn in (None,) if mode == "none" else (1, 2):
            guess = dspy.Prediction(**said(mode, turn, "the agent failed"))
            mean = sum(judge_agrees(row, guess).value for row in rows) / len(rows)
            assert mean < 0.45, (mode, turn, mean)


junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)
modes = st.sampled_from([*MODES, "x"]) | junk
labels = st.one_of(
    st.just(NONE),
    st.builds(
        lambda mode, turn, cause: {"mode": mode, "turn": turn, "cause": cause},
        st.sampled_from([*MODES[:8], None]),
        st.integers(0, 8),
        st.text(max_size=10),
    ),
)


@given(modes, junk, junk, junk, labels)
@settings(max_examples=100, deadline=None)
def test_judge_agrees_stays_in_bounds_for_any_verdict(mode, turn, cause, confidence, label):
    result = score({"mode": mode, "turn": turn, "cause": cause, "confidence": confidence}, label)
    assert all(0 <= value <= 1 for value in [result.value, *result.components.values()])
    assert (result.value == 1.0) == (result.feedback == "Perfect.")


@given(st.sampled_from(MODES[:8]), st.integers(0, 8), labels)
@settings(max_examples=100, deadline=None)
def test_judge_agrees_never_punishes_a_mended_mode(mode, turn, label):
    if label["mode"] not in (None, "none"):
        wrong, right = score(said(mode, turn), label), score(said(label["mode"], turn), label)
        assert right.value >= wrong.value

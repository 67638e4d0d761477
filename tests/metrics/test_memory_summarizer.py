"""The memory's metric: what it pays for, what it does not, and that no prediction makes it fail."""

from types import SimpleNamespace

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.predict import Failure
from metrics.memory_summarizer import WEIGHTS, memory_recalls

ENTRIES = [
    {"turn": 1, "role": "user", "content": "Please cancel reservation OBUT9V, my id is ann_lee_42.", "tool_call_ids": []},
    {"turn": 2, "role": "assistant", "content": "I cancelled it. The refund of $1,074 arrives on May 27.", "tool_call_ids": []},
    {"turn": 3, "role": "user", "content": "The children liked the trains in the mountains, by the way. " * 4},
]
PROBES = [
    {"question": "Which ids and amounts?", "terms": ["obut9v", "ann_lee_42", "1074", "05-27"]},
    {"question": "What was done?", "terms": ["cancel", "obut9v"]},
]
FACTS = [
    {"text": "cancel reservation OBUT9V, my id is ann_lee_42", "turns": [1]},
    {"text": "The refund of $1,074 arrives on May 27", "turns": [2]},
]
PERFECT = {"summary": "", "facts": FACTS, "decisions": [], "tokens": 40, "tokens_before": 120, "failure": None}


def score(budget=50, probes=PROBES, **fields):
    row = dspy.Example(entries=ENTRIES, token_budget=budget, probes=probes)
    return memory_recalls(row, dspy.Prediction(**(PERFECT | fields)))


def test_memory_that_holds_all_terms_scores_one():
    result = score()
    assert (result.value, result.feedback) == (1.0, "Perfect.")
    assert result.components == dict.fromkeys(WEIGHTS, 1.0)


@pytest.mark.parametrize(
    ("fields", "components"),
    [
        ({"facts": FACTS[:1]}, {"recall": 0.75}),
        ({"facts": FACTS[1:]}, {"recall": 0.25, **dict.fromkeys(list(WEIGHTS)[1:], 0.5)}),  # below one half it earns less
        ({"facts": [*FACTS, {"text": "Bob Miller and Bob Miller: QX7 in turn", "turns": [1]}]}, {}),
        ({"summary": "The price was 999."}, {"precision": 0.5}),
        ({"summary": "Flight HAT017 was 999."}, {"precision": 1 / 3}),
        ({"tokens_before": 50}, {"compression": 0.4}),
        ({"facts": [FACTS[0], FACTS[1] | {"turns": [1]}]}, {"pointers": 0.5}),
        ({"facts": [FACTS[0], FACTS[1] | {"turns": [2, 9]}]}, {"pointers": 0.5}),
        ({"facts": [FACTS[0], FACTS[1] | {"turns": []}]}, {"pointers": 0.5}),
        ({"facts": [*FACTS, FACTS[0]]}, {"format": 0.5}),
        ({"facts": [*FACTS, {"text": "", "turns": [1]}]}, {"format": 0.5}),
        ({"decisions": None}, {"format": 0.5}),
        ({"summary": None}, {"format": 0.5}),
    ],
)
def test_memory_loses_for_what_is_wrong_alone(fields, components):
    result = score(**fields)
    if components:
        expected = dict.fromkeys(WEIGHTS, 1.0) | components
        assert result.components == pytest.approx(expected)
        assert result.value == pytest.approx(sum(WEIGHTS[name] * value for name, value in expected.items()))
    assert result.value < 1.0 and result.feedback != "Perfect."


def test_what_is_over_the_budget_is_not_read():
    result = score(tokens=100)
    assert result.components["budget"] == 0.0 and result.components["recall"] < 1.0
    assert "what is over was not read" in result.feedback


def test_copying_everything_scores_less_than_choosing():
    whole = " ".join(entry["content"] for entry in reversed(ENTRIES))  # what is asked for stands last
    copied = score(budget=15, summary=whole, facts=[], tokens=120)
    assert copied.components["compression"] == 0.0 and copied.value < 0.6
    assert copied.value < score(budget=15, facts=FACTS[:1], tokens=15).value


def test_a_false_claim_of_few_tokens_is_not_believed():
    assert score(summary="and the trains " * 200, tokens=1).components["budget"] == 0.0


@pytest.mark.parametrize("summary", ["[Summary of conversation]", "They talked.", "x", "children " * 5, "\u4f1a\u8bae"])
def test_constant_and_empty_answers_score_nothing(summary):
    assert score(summary=summary, facts=[]).value == 0.0


def test_one_right_term_pays_little():
    assert score(summary="1074", facts=[], tokens=3).value < 0.25


def test_terms_are_found_in_any_normal_form():
    probes = [{"question": "q", "terms": ["1200", "05-27", "cancel", "trains"]}]
    assert score(probes=probes, summary="Cancelled on 2024-05-27: 1,200.00 for a train.").components["recall"] == 1.0
    assert score(probes=probes, summary="Cancelled on 27 May: $1200 for a train.").components["recall"] == 1.0


def test_feedback_names_the_question_and_the_missing_terms():
    assert "asked 'What was done?', the memory lacks cancel, obut9v" in score(facts=FACTS[1:]).feedback


def test_unreadable_reply_scores_nothing_even_when_the_rules_answered_right():
    result = score(failure=Failure(reason="not JSON", raw_reply="well " * 200))
    assert result.value == 0.0 and "not JSON" in result.feedback and "obut9v" in result.feedback
    assert len(result.feedback) < 600


@pytest.mark.parametrize(
    "prediction",
    [
        None,
        dspy.Prediction(),
        dspy.Prediction(summary=None, facts=None, decisions=None),
        dspy.Prediction(summary=7, facts=7, decisions={}),
        dspy.Prediction(summary="", facts=[None, 3, "x", {}], decisions=[{"text": 5}]),
        dspy.Prediction(summary="", facts=[{"text": "", "turns": "x"}], tokens="many"),
        SimpleNamespace(summary=b"x"),
    ],
)
def test_what_is_no_memory_scores_nothing(prediction):
    row = dspy.Example(entries=ENTRIES, token_budget=50, probes=PROBES)
    result = memory_recalls(row, prediction)
    assert result.value == 0.0 and "obut9v" in result.feedback


@pytest.mark.parametrize("row", [dspy.Example(), dspy.Example(entries=None, probes=[None, {}, 3], token_budget="x")])
def test_malformed_row_scores_nothing_and_does_not_fail(row):
    assert memory_recalls(row, dspy.Prediction(**PERFECT)).value == 0.0


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(FACTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "turns", "x"]), inner, max_size=2),
    max_leaves=6,
)
facts = st.lists(
    st.builds(
        lambda text, turns: {"text": text, "turns": turns},
        st.text(max_size=30) | st.sampled_from([entry["content"] for entry in ENTRIES]),
        st.lists(st.integers(0, 4), max_size=3),
    ),
    max_size=4,
)


@given(st.text(max_size=40) | junk, facts | junk, facts | junk, junk, junk)
@settings(max_examples=100, deadline=None)
def test_score_stays_in_bounds_for_any_prediction(summary, found, decisions, tokens, before):
    fields = {"summary": summary, "facts": found, "decisions": decisions, "tokens": tokens, "tokens_before": before}
    result = score(**fields)
    assert all(0 <= value <= 1 for value in [result.value, *result.components.values()])
    assert result == score(**fields)
    assert (result.value == 1.0) == (result.feedback == "Perfect.")


@given(facts, st.text(alphabet="abcdefg hijk", min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_padding_never_pays(found, padding):
    marked = [fact for fact in found if fact["text"].strip()]
    if marked:
        tokens = 10 * len(marked)
        padded = score(summary=padding, facts=marked, tokens=tokens + 10)
        assert padded.value <= score(facts=marked, tokens=tokens).value + 1e-9 or "cancel" in padding

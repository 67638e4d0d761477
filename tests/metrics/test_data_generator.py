"""The generator's metric: useful pairs score 1, every trick scores less, and no prediction makes it fail."""

import zlib
from types import SimpleNamespace

import dspy
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.pair_quality import heuristic_quality
from dspy_programs.predict import Failure
from dspy_programs.types import Pair
from metrics.data_generator import WEIGHTS, pairs_are_useful

SEED = {"instruction": "Suggest some board games that a group of people can play.", "input": "", "output": "1. Chess 2. Ludo"}
GOOD = {
    "instruction": "Explain how the pieces move in draughts.",
    "input": "",
    "output": "Each piece moves one square, on the slant.",
}
NEXT = {"instruction": "Who plays first in backgammon?", "input": "", "output": "The player with the higher throw."}


def embed(texts):
    """Stand in for embeddings: how often each letter comes, and a direction that all share, so all are a bit alike."""
    counts = np.array(
        [[text.lower().count(letter) ** 2 for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], dtype=float
    )
    counts -= counts.mean(axis=1, keepdims=True)
    counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
    mixed = np.hstack([0.6 * counts, np.full((len(texts), 1), 0.3)])
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


def far_apart(texts):
    """Every instruction unlike every other, every whole text near enough: what is left are the words."""
    codes = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=400) for text in texts]
    vectors = np.array([code / np.linalg.norm(code) for code in codes])
    return np.hstack([vectors, np.full((len(texts), 1), 0.5)]) / np.sqrt(1.25)


def score(*pairs, embed=far_apart, quality=heuristic_quality, row=None, **fields):
    values = {"seed": SEED, "template": "INSTRUCTION", "n": 1, "others": [], "practise": []} | (row or {})
    return pairs_are_useful(quality, embed)(dspy.Example(**values), dspy.Prediction(pairs=list(pairs), **fields))


def test_metric_has_a_name_for_the_records():
    assert pairs_are_useful(heuristic_quality, far_apart).__name__ == "pairs_are_useful"


@pytest.mark.parametrize("form", [dict, lambda pair: Pair(**pair)])
def test_metric_is_one_for_new_valid_pairs(form):
    result = score(form(GOOD), failure=None, rejected=[])
    assert (result.value, result.feedback) == (pytest.approx(1.0), "Perfect.")
    assert result.components == dict.fromkeys(WEIGHTS, 1.0)
    assert score(form(GOOD), form(NEXT), row={"n": 2}).value == pytest.approx(1.0)


def test_metric_is_half_where_half_is_missing():
    result = score(GOOD, row={"n": 2})
    assert result.components == dict.fromkeys(WEIGHTS, 0.5) | {"format": 1.0}
    assert "1 of 2 pairs are missing" in result.feedback


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (SEED, "again"),
        (SEED | {"output": "1. Go"}, "again"),
        (GOOD | {"instruction": "Suggest some card games that a group of people can play."}, "again"),
        (GOOD | {"instruction": "Suggest some board games that a group of people can play. Now!"}, "again"),
        (
            GOOD | {"instruction": SEED["instruction"] + " Then " + "explain at length how each of them came to be " * 4},
            "copies",
        ),
        (GOOD | {"instruction": ""}, "empty"),
        (GOOD | {"output": " "}, "empty"),
        (GOOD | {"output": "[Generation failed]"}, "placeholder"),
        (GOOD | {"output": "I'm sorry, but I can't help with that."}, "refusal"),
        (GOOD | {"output": "```\nx\n```"}, "fence"),
        (GOOD | {"output": "x " * 500_000}, "longer"),
        (GOOD | {"input": "x" * 1_000_000}, "longer"),
    ],
)
def test_metric_gives_nothing_but_format_for_a_pair_that_is_none(pair, reason):
    result = score(pair)
    assert result.value == pytest.approx(WEIGHTS["format"]) and reason in result.feedback


def test_metric_counts_copies_once():
    once, many = score(GOOD, row={"n": 4}), score(GOOD, GOOD, GOOD, GOOD, row={"n": 4})
    assert many.components == once.components == dict.fromkeys(WEIGHTS, 0.25) | {"format": 1.0}


def test_metric_gives_no_more_for_more_pairs_than_were_asked():
    assert score(GOOD, NEXT).value == pytest.approx(1.0)
    assert score(GOOD, *[SEED] * 3).components["schema"] == 0.25


def test_metric_refuses_what_copies_another_seed():
    assert score(GOOD, row={"others": [GOOD["instruction"]]}).value == pytest.approx(WEIGHTS["format"])


def test_metric_refuses_what_means_the_same():
    def same(texts):
        return np.ones((len(texts), 1))

    assert score(GOOD, embed=same).value == pytest.approx(WEIGHTS["format"])


def test_metric_refuses_what_has_nothing_to_do_with_the_seed():
    def unrelated(texts):
        return np.eye(len(texts))

    result = score(GOOD, embed=unrelated)
    assert result.value == pytest.approx(WEIGHTS["format"]) and "nothing to do with the seed" in result.feedback


@pytest.mark.parametrize(
    ("change", "row", "component", "value"),
    [
        ({"output": "One" * 100}, {}, "length", 0.5),
        ({"output": "I"}, {}, "length", 0.5),
        ({"output": "No."}, {"template": "CODE"}, "kind", 0.3),
        ({}, {"template": "TOOL_USE"}, "kind", 0.0),
        ({}, {"practise": ["sort", "order"]}, "failures", 0.0),
        ({}, {"practise": ["chess", "PIECES"]}, "failures", 1.0),
        ({"instruction": "Summarize the following article."}, {}, "quality", 0.5),
        ({"output": SEED["output"] + " and a game"}, {}, "leak", 1.0),
    ],
)
def test_metric_scores_what_is_wrong(change, row, component, value):
    result = score(GOOD | change, row=row)
    assert result.components[component] == pytest.approx(value)
    assert (value == 1.0) == (f"{component} " not in result.feedback)


def test_metric_sees_an_output_taken_from_the_seed_but_not_a_text_worked_on():
    long = "Chess is old, and ludo is for children, and go has many stones on a wide board."
    row = {"seed": SEED | {"output": long}}
    assert score(GOOD | {"output": long}, row=row).value == pytest.approx(WEIGHTS["format"])
    assert score(GOOD | {"input": long, "output": long.lower()}, row=row).components["leak"] == 1.0


def test_metric_sees_an_output_that_would_do_for_any_question():
    vague = GOOD | {"output": "It is a very interesting subject."}

    def apart_from_it(texts):
        return np.array([[0.0, 1.0] if text == vague["output"] else [1.0, 0.0] for text in texts])

    def sense(texts):  # whole texts are near, instructions are not the same
        return far_apart(texts) if len(texts) > 2 or vague["output"] not in texts else apart_from_it(texts)

    result = score(vague, embed=sense)
    assert result.components["quality"] == 0.0 and "hardly speaks of what was asked" in result.feedback


def test_metric_takes_the_quality_it_is_given():
    assert score(GOOD, quality=lambda pair: 0.25).components["quality"] == 0.25
    assert score(GOOD, quality=lambda pair: 7.0).components["quality"] == 1.0


def test_metric_tells_of_rejected_pairs():
    rejected = [SimpleNamespace(reason="a copy of 'x'")]
    result = score(GOOD, rejected=rejected)
    assert result.components["format"] == 0.5 and "a copy of 'x'" in result.feedback
    assert score(rejected=rejected).value == 0.0 and "a copy of 'x'" in score(rejected=rejected).feedback


@pytest.mark.parametrize(
    "prediction",
    [
        None,
        dspy.Prediction(),
        dspy.Prediction(pairs=None),
        dspy.Prediction(pairs=[]),
        dspy.Prediction(pairs="text"),
        dspy.Prediction(pairs=[GOOD], failure=Failure(reason="cut off", raw_reply="{")),
    ],
)
def test_metric_is_zero_without_a_readable_pair(prediction):
    row = dspy.Example(seed=SEED, template="QA", n=1, others=[], practise=[])
    result = pairs_are_useful(heuristic_quality, embed)(row, prediction)
    assert result.value == 0.0 and "no pair can be used" in result.feedback
    assert result.components == dict.fromkeys(WEIGHTS, 0.0)


@pytest.mark.parametrize(
    "pairs", [[None], [7], [{}], [{"instruction": 1, "output": 2}], ["a pair"], [[]], [{"instruction": "x"}]]
)
def test_metric_counts_what_is_no_pair_as_missing(pairs):
    assert score(*pairs).value == pytest.approx(WEIGHTS["format"])
    assert score(GOOD, *pairs, row={"n": 2}).components["schema"] == 0.5


@pytest.mark.parametrize(
    "row", [{"seed": None}, {"seed": {"instruction": 5}}, {"n": "many"}, {"n": -3}, {"others": 5}, {"template": None}]
)
def test_metric_reads_malformed_row_as_empty(row):
    assert 0 <= score(GOOD, row=row).value <= 1
    assert 0 <= pairs_are_useful(heuristic_quality, embed)(dspy.Example(), dspy.Prediction(pairs=[GOOD])).value <= 1


texts = st.text(max_size=80) | st.sampled_from(
    [*SEED.values(), *GOOD.values(), "1 + 1 = 3", "(" * 50 + "= 4", '{"tool": "", "arguments": {}}']
)
some_pair = st.fixed_dictionaries({"instruction": texts, "input": texts, "output": texts})


@given(
    st.lists(some_pair | texts | st.none(), max_size=4), st.sampled_from([*"QA CODE TOOL_USE REASONING".split(), "", "POEM"])
)
@settings(max_examples=100, deadline=None)
def test_metric_never_fails_and_stays_in_bounds(pairs, template):
    row = {"template": template, "n": 2, "others": ["x"], "practise": ["é"]}
    for vectors in (embed, far_apart):
        result = score(*pairs, embed=vectors, row=row)
        assert 0 <= result.value <= 1 and all(0 <= value <= 1 for value in result.components.values())
        assert result.feedback

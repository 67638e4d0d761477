"""Weighing components into one score, and the shape that GEPA asks for."""

import inspect

import dspy
import pytest

from metrics.score import Component, Score, composite, for_gepa


def half_right(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    return Score(0.5 if gold.answer == pred.answer else 0.0, "say more", {"answer": 0.5})


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        ([("a", 1.0, 1.0)], 1.0),
        ([("a", 0.0, 0.1), ("b", 0.0, 0.7)], 0.0),
        ([("a", 1.0, 3.0), ("b", 0.0, 1.0)], 0.75),
        ([("a", 0.5, 0.2), ("b", 0.25, 0.2)], 0.375),
    ],
)
def test_composite_weighs_values(parts, value):
    assert composite([Component(*part) for part in parts]).value == pytest.approx(value)


def test_composite_is_exactly_one_when_every_component_is():
    assert composite([Component(str(n), 1.0, 0.1) for n in range(7)]).value == 1.0


def test_composite_says_perfect_without_messages():
    assert composite([Component("a", 1.0, 1.0)]).feedback == "Perfect."


def test_composite_names_components_with_their_values():
    assert composite([Component("a", 0.25, 1), Component("b", 1.0, 2)]).components == {"a": 0.25, "b": 1.0}


def test_composite_puts_costliest_fault_first():
    faults = [Component("light", 0.0, 0.1, "no"), Component("heavy", 0.5, 0.8, "half"), Component("good", 1.0, 1.0)]
    assert composite(faults).feedback == "heavy 0.50: half\nlight 0.00: no"


def test_for_gepa_has_the_five_arguments_gepa_calls():
    names = list(inspect.signature(for_gepa(half_right)).parameters)
    assert names == ["gold", "pred", "trace", "pred_name", "pred_trace"]


@pytest.mark.parametrize("predictor", [None, "plan", "another"])
def test_for_gepa_gives_same_value_whichever_predictor_is_named(predictor):
    row = dspy.Example(answer="x")
    result = for_gepa(half_right)(row, dspy.Prediction(answer="x"), [], predictor, [])
    assert (result.score, result.feedback, result.objective_scores) == (0.5, "say more", {"answer": 0.5})


def test_for_gepa_works_as_metric_of_evaluate():
    evaluate = dspy.Evaluate(devset=[dspy.Example(answer="x", q="").with_inputs("q")], metric=for_gepa(half_right))
    assert evaluate(lambda q: dspy.Prediction(answer="x")).score == 50.0

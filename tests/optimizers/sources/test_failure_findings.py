"""What calibration is told of labelled runs: of outcomes, of readings, and of runs that are both."""

import pytest

from dspy_programs.types import Trace
from optimizers.sources.failure_findings import failing_rates, outcome_records, reviewed_records, said_of
from optimizers.sources.failure_labels import Home
from optimizers.sources.failure_outcomes import Ended
from optimizers.sources.failure_reviews import Found, Review

LOOP = [
    {"turn_number": 0, "role": "user", "content": "Find a table for two in Oslo."},
    *(
        {"turn_number": n, "role": "tool", "tool_name": "find", "tool_input": {"city": "Oslo"}, "tool_output": "none"}
        for n in (1, 2, 3)
    ),
    {"turn_number": 4, "role": "agent", "content": "There is no table in Oslo."},
]
FINE = [LOOP[0], LOOP[1] | {"tool_output": "table 4"}, LOOP[4] | {"turn_number": 2, "content": "Table 4 is free."}]


def trace(id_, turns):
    return Trace.model_validate({"trace_id": id_, "original_goal": LOOP[0]["content"], "turns": turns})


(MODE,) = {found.mode for found in said_of(trace("x", LOOP))}
TURN = said_of(trace("x", LOOP))[0].turn


def ended(id_, turns, well, model="a"):
    return Ended(trace(id_, turns), f"group-{id_}", "workbench", model, well)


def review(mode=MODE, found=True):
    said = Found(mode=MODE, turn=TURN, confidence=0.7, evidence="") if found else None
    known = {"id": "r", "split": "val", "source": "workbench", "model": "a", "group": "g", "is_successful": False}
    told = {"mode": mode, "turn": TURN, "cause": "", "also": [], "found": said, "agrees": True, "points_at_fault": True}
    return Review(**known, **told, reason="because", trace=trace("r", LOOP))


RUNS = [ended("0", LOOP, False), ended("1", LOOP, True), ended("2", FINE, False), ended("3", FINE, None)]
RATES = failing_rates(RUNS)


def test_an_outcome_says_whether_the_run_failed_and_how_often_that_is_so_anyway():
    records = list(outcome_records(RUNS, {"group-0": Home("train", True)}, RATES))
    assert [(r.mode, r.right, r.by_chance, r.split) for r in records] == [
        (MODE, True, 0.667, "train"),
        (MODE, False, 0.667, "test"),
        ("none", False, 0, "test"),
    ]
    assert {(r.kind, r.run, r.of_failed) for r in records} == {("outcome", "tools", False)}


def test_an_outcome_says_nothing_where_all_runs_of_a_model_fail():
    hopeless = [ended("4", LOOP, False, "b"), ended("5", FINE, False, "b")]
    assert list(outcome_records(hopeless, {}, failing_rates([*RUNS, *hopeless]))) == []


def test_what_was_read_is_not_told_by_the_outcome_as_well():
    records = list(outcome_records(RUNS, {}, RATES, {"0", "2"}))
    assert [(r.mode, r.right) for r in records] == [(MODE, False), ("none", False)]


@pytest.mark.parametrize(("mode", "right"), [(MODE, True), ("GOAL_DRIFT", False)])
def test_a_reading_says_whether_a_finding_is_right(mode, right):
    (record,) = reviewed_records([review(mode)], RATES)
    assert (record.kind, record.split, record.mode, record.right) == ("reviewed", "val", MODE, right)
    assert (record.by_chance, record.of_failed) == (0, False)


def test_a_run_that_was_read_because_it_had_failed_is_said_to_be_one():
    (record,) = reviewed_records([review(found=False)], RATES)
    assert (record.by_chance, record.of_failed) == (0.667, True)
    (record,) = reviewed_records([review(found=False)], {})
    assert record.by_chance == 1  # nothing is known of the source

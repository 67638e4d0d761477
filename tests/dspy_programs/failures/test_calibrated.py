"""Probabilities of findings: what is shipped, what a broken or missing file does, and that no curve falls or is certain."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.errors import DatasetError
from dspy_programs.failures import FACTS, FailureClassifier, calibrated, calibration_file, holds_at, kind_of, value_at
from dspy_programs.failures.calibrated import probability_of, read_calibration, shipped
from dspy_programs.programs.failure_judge import REMEDIES
from dspy_programs.types import Trace

KINDS = ("tools", "chat")
SHARES = st.floats(0, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", REMEDIES)
def test_every_mode_has_a_probability_that_never_falls_and_is_never_certain_or_is_said_to_have_none(mode, kind):
    found = [p for i in range(101) if (p := probability_of(mode, i / 100, kind)) is not None]
    assert found == sorted(found) and all(0 < p < 1 for p in found)
    assert (mode in shipped().not_measured[kind] or mode in FACTS) == (not found)


@given(st.sampled_from(sorted(REMEDIES)), st.sampled_from(KINDS), SHARES, SHARES)
@settings(max_examples=100)
def test_probability_is_monotone_between_the_points_too(mode, kind, a, b):
    low, high = (probability_of(mode, x, kind) for x in sorted((a, b)))
    assert low is None or high is None or low <= high


@pytest.mark.parametrize("mode", ["", "BOREDOM", "hallucination", "NONE", *sorted(FACTS)])
def test_probability_of_a_fact_or_of_what_is_no_mode_is_none(mode):
    assert probability_of(mode, 0.8, "tools") is None


def test_only_people_and_outcomes_give_a_probability():
    for kind, labels in shipped().fitted_on.labels.items():
        for mode, of_mode in labels.items():
            if set(of_mode) <= {"constructed"}:
                assert mode in shipped().not_measured[kind]


def test_probability_ends_where_the_labels_do():
    for kind, curves in shipped().curves.items():
        for mode, curve in curves.items():
            assert holds_at(curve, curve[0][0]) and holds_at(curve, curve[-1][0])
            assert probability_of(mode, curve[0][0] - 0.01, kind) is None is probability_of(mode, curve[-1][0] + 0.01, kind)


TURN = {"turn_number": 0, "role": "agent", "content": "Hello"}
CALL = {"turn_number": 1, "role": "tool", "tool_name": "find", "tool_output": "Oslo"}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"turns": [TURN]}, "chat"),
        ({"turns": []}, "chat"),
        ({"turns": [TURN, CALL]}, "tools"),
        ({"turns": [TURN], "tools": ["find"]}, "tools"),
        ({"turns": [TURN], "tools": []}, "chat"),
    ],
)
def test_kind_of_a_run(fields, kind):
    assert kind_of(Trace.model_validate({"original_goal": "Say hello", **fields})) == kind


@pytest.mark.parametrize(
    ("successful", "mode", "measured"), [(None, "none", True), (True, "none", False), (False, "UNKNOWN", False)]
)
def test_verdict_that_the_caller_brought_about_has_no_probability(successful, mode, measured):
    turns = [{"turn_number": 0, "role": "user", "content": "Hi"}, {"turn_number": 1, "role": "agent", "content": "Hello!"}]
    trace = {"trace_id": "a", "original_goal": "Say hi", "turns": turns, "is_successful": successful}
    report = FailureClassifier(use_llm=False).classify(trace)
    assert report.classified_failure_mode == mode and (report.probability is not None) == measured


def test_value_at_is_linear_between_points_and_level_outside():
    curve = [(0.2, 0.1), (0.4, 0.5)]
    assert [value_at(curve, x) for x in (0.0, 0.2, 0.4, 1.0)] == pytest.approx([0.1, 0.1, 0.5, 0.5])
    assert value_at(curve, 0.3) == pytest.approx(0.3)


def test_missing_file_gives_none(monkeypatch, tmp_path):
    assert read_calibration(tmp_path / "no.json") is None
    monkeypatch.setattr(calibrated, "calibration_file", lambda: tmp_path / "no.json")
    shipped.cache_clear()
    try:
        assert probability_of("OVER_REFUSAL", 0.6, "chat") is None
    finally:
        shipped.cache_clear()


def test_file_is_read_once():
    assert shipped() is shipped()


def changed(**fields) -> bytes:
    return json.dumps(json.loads(calibration_file().read_bytes()) | fields).encode()


BROKEN = {
    "not JSON": b"{",
    "nothing": b"",
    "not UTF-8": b"\xff\xfe",
    "a list": b"[]",
    "later version": changed(schema_version=99),
    "earlier version": changed(schema_version=1),
    "unknown field": changed(surprise=1),
    "falls": changed(curves={"chat": {"GOAL_DRIFT": [[0.1, 0.5], [0.2, 0.4]]}}),
    "same place twice": changed(curves={"chat": {"GOAL_DRIFT": [[0.1, 0.5], [0.1, 0.6]]}}),
    "no points": changed(curves={"chat": {"GOAL_DRIFT": []}}),
    "certain": changed(curves={"chat": {"GOAL_DRIFT": [[0.1, 1.0]]}}),
    "impossible": changed(curves={"chat": {"GOAL_DRIFT": [[0.1, 0.0]]}}),
    "no number": changed(curves={"chat": {"GOAL_DRIFT": [[0.1, "NaN"]]}}),
    "outside": changed(curves={"chat": {"GOAL_DRIFT": [[1.1, 0.5]]}}),
    "no such mode": changed(curves={"chat": {"BOREDOM": [[0.1, 0.5]]}}),
    "no such kind": changed(curves={"talk": {"GOAL_DRIFT": [[0.1, 0.5]]}}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_named_with_what_mends_it(name, tmp_path):
    path = tmp_path / "calibration.json"
    path.write_bytes(BROKEN[name])
    with pytest.raises(DatasetError, match=r"calibration\.json: .*python -m optimizers\.calibrate"):
        read_calibration(path)

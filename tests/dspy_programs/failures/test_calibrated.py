"""Probabilities of findings: what is shipped, what a broken or missing file does, and that no curve falls or is certain."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.errors import DatasetError
from dspy_programs.failures import FailureClassifier, calibrated, calibration_file, value_at
from dspy_programs.failures.calibrated import probability_of, read_calibration, shipped
from dspy_programs.programs.failure_judge import REMEDIES

SHARES = st.floats(0, 1)
UNLABELLED = ("NO_ANSWER", "CRASH", "UNKNOWN")
LABELLED = [mode for mode in REMEDIES if mode not in UNLABELLED]


@pytest.mark.parametrize("mode", LABELLED)
def test_every_labelled_mode_has_a_probability_that_never_falls_and_is_never_certain(mode):
    found = [probability_of(mode, i / 100) for i in range(101)]
    assert found == sorted(found) and 0 < found[0] and found[-1] < 1


@given(st.sampled_from(sorted(LABELLED)), SHARES, SHARES)
@settings(max_examples=200)
def test_probability_is_monotone_between_the_points_too(mode, a, b):
    low, high = sorted((a, b))
    assert probability_of(mode, low) <= probability_of(mode, high)


@pytest.mark.parametrize("mode", ["", "BOREDOM", "hallucination", "NONE", *UNLABELLED])
def test_probability_of_a_mode_without_labels_is_none(mode):
    assert probability_of(mode, 0.8) is None


def test_shipped_probabilities_tell_strong_evidence_from_weak():
    assert probability_of("OVER_REFUSAL", 0.5) < 0.35 < 0.75 < probability_of("OVER_REFUSAL", 0.85)
    assert probability_of("CIRCULAR_REASONING", 0.6) < 0.3 < 0.85 < probability_of("CIRCULAR_REASONING", 0.8)


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
        assert probability_of("OVER_REFUSAL", 0.6) is None
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
    "unknown field": changed(surprise=1),
    "falls": changed(curves={"GOAL_DRIFT": [[0.1, 0.5], [0.2, 0.4]]}),
    "same place twice": changed(curves={"GOAL_DRIFT": [[0.1, 0.5], [0.1, 0.6]]}),
    "no points": changed(curves={"GOAL_DRIFT": []}),
    "certain": changed(curves={"GOAL_DRIFT": [[0.1, 1.0]]}),
    "impossible": changed(curves={"GOAL_DRIFT": [[0.1, 0.0]]}),
    "no number": changed(curves={"GOAL_DRIFT": [[0.1, "NaN"]]}),
    "outside": changed(curves={"GOAL_DRIFT": [[1.1, 0.5]]}),
    "no such mode": changed(curves={"BOREDOM": [[0.1, 0.5]]}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_named_with_what_mends_it(name, tmp_path):
    path = tmp_path / "calibration.json"
    path.write_bytes(BROKEN[name])
    with pytest.raises(DatasetError, match=r"calibration\.json: .*python -m optimizers\.calibrate"):
        read_calibration(path)

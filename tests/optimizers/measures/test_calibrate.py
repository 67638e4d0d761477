"""Fitting probabilities: the curves, the choice between them, the figures, the files, and that what is shipped is not stale."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.errors import DatasetError
from dspy_programs.failures import calibration_file, value_at
from dspy_programs.failures.calibrated import read_calibration
from optimizers.calibrate import main
from optimizers.data import data_directory
from optimizers.measures import FINDINGS, PLOT, read_findings
from optimizers.measures.calibration_fit import (
    METHODS,
    Record,
    curves_of,
    drawn_to,
    figures,
    fit,
    isotonic,
    platt,
)
from optimizers.measures.calibration_report import calibrate
from optimizers.sources import records_of
from optimizers.sources.failure_labels import constructed

POINTS = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.35, 0.5, 0.75, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40)


def record(mode="OVER_REFUSAL", confidence=0.6, right=True, group="g", split="train", kind="human") -> Record:
    return Record(split=split, source="xstest", kind=kind, group=group, mode=mode, confidence=confidence, right=right)


def drawn(seed: int, size: int, true=lambda x: x, split="train", mode="OVER_REFUSAL") -> list[Record]:
    """Findings that are right as often as `true` says of their confidence."""
    draw = random.Random(seed)
    confidences = [draw.choice([0.3, 0.5, 0.6, 0.75, 0.9]) for _ in range(size)]
    return [record(mode, x, draw.random() < true(x), f"{seed}-{i}", split) for i, x in enumerate(confidences)]


@pytest.mark.parametrize("method", METHODS)
@given(POINTS)
@settings(max_examples=150, deadline=None)
def test_curve_rises_and_stays_off_0_and_1(method, points):
    curve = METHODS[method](points)
    assert [x for x, _ in curve] == sorted({x for x, _ in curve})
    assert all(low <= high + 1e-12 for (_, low), (_, high) in pairwise(curve))
    assert all(0 < p < 1 for _, p in curve)


@given(POINTS)
@settings(max_examples=150)
def test_isotonic_keeps_the_number_that_is_right(points):
    curve = dict(isotonic(points))
    xs = [x for x, _ in points]
    known = [*points, (min(xs), True), (max(xs), False)]
    assert sum(curve[x] for x, _ in known) == pytest.approx(sum(right for _, right in known))


def test_isotonic_pools_what_falls():
    points = [(0.2, True), (0.2, False), (0.4, False), (0.4, False), (0.8, True)] * 10
    curve = dict(isotonic(points))
    assert curve[0.2] == curve[0.4] == pytest.approx(11 / 41) and curve[0.8] == pytest.approx(10 / 11)


def test_platt_makes_a_falling_sigmoid_level():
    level = {round(p, 6) for _, p in platt([(0.2, True)] * 30 + [(0.9, False)] * 30)}
    assert level == {0.5}


def test_mode_with_few_labels_leans_on_the_others_and_one_with_many_does_not():
    many, few = drawn(1, 600, lambda x: 0.1), [record("GOAL_DRIFT", 0.6, True, "a"), record("GOAL_DRIFT", 0.6, True, "b")]
    curves = curves_of([*many, *few], "isotonic", 20.0)
    assert value_at(curves["GOAL_DRIFT"], 0.6) < 0.3
    assert value_at(curves["OVER_REFUSAL"], 0.6) == pytest.approx(0.1, abs=0.05)
    assert drawn_to([(0.5, 0.2)], [(0.5, 0.6)], 0.25) == [(0.5, pytest.approx(0.5))]


def test_none_is_not_drawn_to_the_failures():
    healthy = drawn(2, 300, lambda x: 0.9, mode="none")
    assert curves_of(healthy, "isotonic", 80.0)["none"] == curves_of([*healthy, *drawn(3, 300)], "isotonic", 80.0)["none"]


def test_fit_learns_how_often_a_boaster_is_right():
    found, losses = fit(drawn(4, 900, lambda x: x**3))
    unseen = figures(drawn(5, 900, lambda x: x**3), found.curves)
    (before, after), brier = unseen.error, unseen.brier
    assert after[0] < 0.06 < 0.15 < before[0] and brier[1][0] < brier[0][0]
    assert before[1] <= before[0] <= before[2] and min(losses.values()) == losses[f"{found.method}, shrinkage 5"]


def test_figures_are_those_of_the_definition():
    rows = [record(confidence=0.8, right=i < 3, group=str(i)) for i in range(5)]
    rows += [record("none", 0.8, True, f"n{i}") for i in range(5)]
    found = figures(rows, {"OVER_REFUSAL": [(0.5, 0.6)], "none": [(0.5, 0.98)]})
    assert [said[0] for said in found.error] == pytest.approx([0.0, 0.01])
    assert [said[0] for said in found.error_by_mode] == pytest.approx([0.2, 0.01])
    assert found.brier[0][0] == pytest.approx((8 * 0.04 + 2 * 0.64) / 10)


def test_figures_leave_out_a_mode_without_a_curve():
    assert figures([record(), record("GOAL_DRIFT")], {"OVER_REFUSAL": [(0.5, 0.5)]}).records == 1


def test_calibrate_never_looks_at_val_and_test():
    train = drawn(6, 200)
    a = calibrate([*train, *drawn(7, 50, split="val"), *drawn(8, 50, split="test")], "0" * 64)
    b = calibrate([*train, *drawn(9, 50, lambda x: 0.0, "val"), *drawn(10, 50, lambda x: 0.0, "test")], "0" * 64)
    assert a.curves == b.curves and a.figures["test"] != b.figures["test"]
    assert a.fitted_on.labels == {"OVER_REFUSAL": {"human": 200}}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ({"mode": "BOREDOM"}, "mode"),
        ({"confidence": 1.2}, "confidence"),
        ({"split": "all"}, "split"),
        ({"extra": 1}, "extra"),
        ({"right": "perhaps"}, "right"),
    ],
)
def test_read_findings_names_line_and_field(line, fault, tmp_path):
    path = tmp_path / FINDINGS
    path.write_text(record().model_dump_json() + "\n" + json.dumps(record().model_dump() | line) + "\n")
    with pytest.raises(DatasetError, match=rf"{FINDINGS}:2: {fault}: "):
        read_findings(path)


def test_read_findings_wants_every_split(tmp_path):
    path = tmp_path / FINDINGS
    path.write_text(record().model_dump_json() + "\n")
    with pytest.raises(DatasetError, match="no rows of test"):
        read_findings(path)


def test_command_makes_the_shipped_files_again_from_the_shipped_rows(tmp_path, capsys):
    assert main(["--out", str(tmp_path)]) == 0
    assert (tmp_path / "calibration.json").read_bytes() == calibration_file().read_bytes()
    assert (tmp_path / PLOT).read_bytes()[:4] == b"\x89PNG"
    printed = capsys.readouterr().out
    card = (data_directory("failure_judge") / "CARD.md").read_text()
    tables = [line for line in printed.splitlines() if line.startswith("|")]
    assert tables and [line for line in tables if line not in card] == []


def test_command_says_where_the_one_of_its_name_has_gone(capsys):
    assert main(["--module", "quality_judge"]) == 2
    assert "python -m optimizers.agreement --module quality_judge" in capsys.readouterr().err


def test_command_says_what_is_missing(tmp_path, capsys):
    assert main(["--raw", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "failure_judge" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_shipped_findings_are_those_of_todays_rules():
    """Where this fails the rules have changed: python -m optimizers.calibrate --raw DIR."""
    records, sha256 = read_findings(data_directory("failure_judge") / FINDINGS)
    assert [r for r in records if r.kind == "constructed"] == records_of(constructed())
    assert read_calibration(calibration_file()).fitted_on.rows_sha256 == sha256
    assert {r.source for r in records if r.kind == "human"} == {"xstest"}


def test_no_group_of_the_shipped_findings_is_in_two_splits():
    records, _ = read_findings(data_directory("failure_judge") / FINDINGS)
    homes = {}
    assert all(homes.setdefault(r.group, r.split) == r.split for r in records)

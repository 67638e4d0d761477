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
    INDEPENDENT,
    METHODS,
    Record,
    curves_of,
    drawn_to,
    figures,
    fit,
    isotonic,
    platt,
)
from optimizers.measures.calibration_report import calibrate, into_card
from optimizers.sources import records_of
from optimizers.sources.failure_labels import constructed

POINTS = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.35, 0.5, 0.75, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40)


def record(mode="OVER_REFUSAL", confidence=0.6, right=True, group="g", split="train", kind="human", **fields) -> Record:
    known = {"split": split, "source": "xstest", "kind": kind, "group": group, "run": "chat", "mode": mode}
    return Record(**(known | {"confidence": confidence, "right": right} | fields))


def drawn(seed: int, size: int, true=lambda x: x, split="train", mode="OVER_REFUSAL", by_chance=0.0, **fields):
    """Findings that are right as often as `true` says of their confidence; wrong ones are called right by chance."""
    draw = random.Random(seed)
    confidences = [draw.choice([0.3, 0.5, 0.6, 0.75, 0.9]) for _ in range(size)]
    fields["by_chance"] = by_chance
    return [
        record(mode, x, draw.random() < true(x) or draw.random() < by_chance, f"{seed}-{i}", split, **fields)
        for i, x in enumerate(confidences)
    ]


@pytest.mark.parametrize("method", METHODS)
@given(POINTS)
@settings(max_examples=100, deadline=None)
def test_curve_rises_and_stays_off_0_and_1(method, points):
    curve = METHODS[method](points)
    assert [x for x, _ in curve] == sorted({x for x, _ in curve})
    assert all(low <= high + 1e-12 for (_, low), (_, high) in pairwise(curve))
    assert all(0 < p < 1 for _, p in curve)


@given(POINTS)
@settings(max_examples=100)
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
    many, few = drawn(1, 600, lambda x: 0.1), [record("GOAL_DRIFT", 0.6, True, str(i)) for i in range(10)]
    curves = curves_of([*many, *few], "isotonic", 80.0)["chat"]
    assert value_at(curves["GOAL_DRIFT"], 0.6) < 0.3
    assert value_at(curves["OVER_REFUSAL"], 0.6) == pytest.approx(0.1, abs=0.05)
    assert drawn_to([(0.5, 0.2)], [(0.5, 0.6)], 0.25) == [(0.5, pytest.approx(0.5))]


def test_none_is_not_drawn_to_the_failures():
    healthy = drawn(2, 300, lambda x: 0.9, mode="none")
    alone, among = (curves_of(rows, "isotonic", 80.0)["chat"]["none"] for rows in (healthy, [*healthy, *drawn(3, 300)]))
    assert alone == among


def test_kinds_of_runs_are_fitted_apart():
    rows = [*drawn(11, 300, lambda x: 0.1), *drawn(12, 300, lambda x: 0.9, run="tools")]
    curves = curves_of(rows, "isotonic", 80.0)
    assert value_at(curves["chat"]["OVER_REFUSAL"], 0.6) < 0.2 < 0.8 < value_at(curves["tools"]["OVER_REFUSAL"], 0.6)


@pytest.mark.parametrize("kind", ["constructed", "rule-made"])
def test_labels_that_the_authors_of_the_rules_made_decide_nothing(kind):
    assert curves_of(drawn(13, 300, kind=kind), "isotonic", 5.0) == {}
    people = drawn(14, 300)
    assert curves_of([*people, *drawn(13, 300, lambda x: 0, kind=kind)], "platt", 5.0) == curves_of(people, "platt", 5.0)


def test_a_person_who_reads_what_failed_finds_more_right_and_that_is_taken_out():
    """Half of such findings are right, and half of the wrong ones' runs fail: of those on failed runs, two in three are."""
    on_failed = drawn(23, 1500, lambda x: 2 / 3, by_chance=0.0, kind="reviewed")
    told = [each.model_copy(update={"of_failed": True, "by_chance": 0.5}) for each in on_failed]
    passed = drawn(24, 500, lambda x: 0, by_chance=0.0, kind="outcome")  # the quarter of all that is wrong and passed
    curve = curves_of([*told, *(each.model_copy(update={"by_chance": 0.5}) for each in passed)], "platt", 5.0)
    assert value_at(curve["chat"]["OVER_REFUSAL"], 0.6) == pytest.approx(0.5, abs=0.05)
    assert told[0].called_right(0.5) == pytest.approx(2 / 3)


@pytest.mark.parametrize("mode", ["NO_ANSWER", "CRASH", "UNKNOWN"])
def test_facts_have_no_curve(mode):
    assert curves_of(drawn(15, 300, mode=mode), "isotonic", 5.0) == {}


def test_a_mode_with_few_labels_or_of_few_runs_has_no_curve():
    assert curves_of(drawn(16, 9), "isotonic", 5.0) == {} != curves_of(drawn(16, 40), "isotonic", 5.0)
    assert curves_of([record(group=str(i % 4)) for i in range(300)], "isotonic", 5.0) == {}


def test_labels_that_say_little_count_little():
    """Where nine of ten runs fail, a failed run says one nineteenth of what a person says."""
    assert record(by_chance=0.9).weight == pytest.approx(1 / 19)
    assert curves_of(drawn(17, 150, by_chance=0.9, kind="outcome"), "platt", 5.0) == {}
    assert curves_of(drawn(17, 250, by_chance=0.9, kind="outcome"), "platt", 5.0) != {}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by_chance", [0.3, 0.7])
def test_chance_is_taken_out_of_what_outcomes_call_right(method, by_chance):
    rows = drawn(18, 3000, lambda x: x / 2, by_chance=by_chance, kind="outcome")
    curve = curves_of(rows, method, 5.0)["chat"]["OVER_REFUSAL"]
    assert [value_at(curve, x) for x in (0.3, 0.6, 0.9)] == pytest.approx([0.15, 0.3, 0.45], abs=0.07)


def test_a_curve_ends_where_its_labels_do():
    rows = [*drawn(19, 200), *[record(confidence=0.98, group=f"far {i}") for i in range(4)]]
    curve = curves_of(rows, "platt", 5.0)["chat"]["OVER_REFUSAL"]
    assert (curve[0][0], curve[-1][0]) == (0.25, 0.95)


def test_fit_learns_how_often_a_boaster_is_right():
    found = fit(drawn(4, 900, lambda x: x**3))
    unseen = figures(drawn(5, 900, lambda x: x**3), found.curves)
    (before, after), brier = unseen.error, unseen.brier
    assert after[0] < 0.06 < 0.15 < before[0] and brier[1][0] < brier[0][0]
    (method, shrinkage), losses = found.methods["chat"], found.losses["chat"]
    assert before[1] <= before[0] <= before[2] and min(losses.values()) == losses[f"{method}, shrinkage {shrinkage:g}"]
    assert unseen.expected[1] == pytest.approx(unseen.right[0], abs=0.05)


def test_figures_are_those_of_the_definition():
    rows = [record(confidence=0.8, right=i < 3, group=str(i)) for i in range(5)]
    rows += [record("none", 0.8, True, f"n{i}") for i in range(5)]
    found = figures(rows, {"chat": {"OVER_REFUSAL": [(0.5, 0.6), (1, 0.6)], "none": [(0.5, 0.98), (1, 0.98)]}})
    assert [said[0] for said in found.error] == pytest.approx([0.0, 0.01])
    assert [said[0] for said in found.error_by_mode] == pytest.approx([0.2, 0.01])
    assert (found.right[0], *found.expected) == pytest.approx((0.8, 0.8, 0.79))
    assert found.brier[0][0] == pytest.approx((8 * 0.04 + 2 * 0.64) / 10)


def test_figures_leave_out_a_mode_without_a_curve():
    assert figures([record(), record("GOAL_DRIFT")], {"chat": {"OVER_REFUSAL": [(0.5, 0.5), (0.7, 0.5)]}}).records == 1


def test_calibrate_never_looks_at_test():
    known = [*drawn(6, 200), *drawn(7, 50, split="val")]
    a, b = (calibrate([*known, *drawn(8, 50, true, "test")], "0" * 64) for true in (lambda x: x, lambda x: 0.0))
    assert a.curves == b.curves and a.figures["test"] != b.figures["test"]
    assert a.fitted_on.labels == {"chat": {"OVER_REFUSAL": {"human": 250}}}
    assert "OVER_REFUSAL" not in a.not_measured["chat"] and "OVER_REFUSAL" in a.not_measured["tools"]


def test_a_source_that_is_left_out_is_measured_by_what_the_others_say():
    rows = [*drawn(20, 300, lambda x: 0.9), *drawn(21, 300, lambda x: 0.2, source="else"), *drawn(22, 9, split="test")]
    left_out = calibrate(rows, "0" * 64).figures["source left out"]
    assert left_out["else"]["chat OVER_REFUSAL"]["right"][0] == pytest.approx(0.2, abs=0.05)
    assert left_out["else"]["chat OVER_REFUSAL"]["expected"][1] == pytest.approx(0.9, abs=0.05)
    assert left_out["xstest"]["all"]["expected"][1] == pytest.approx(0.2, abs=0.05)


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
    card = (data_directory("failure_judge") / "CARD.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() in card
    assert into_card(card, read_calibration(calibration_file())) == card


def test_card_without_a_place_for_the_figures_is_an_error():
    with pytest.raises(DatasetError, match=r"CARD\.md: has no place for the figures"):
        into_card("# Rows", read_calibration(calibration_file()))


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
    assert {r.kind for r in records} <= {*INDEPENDENT, "constructed"}


def test_no_group_of_the_shipped_findings_is_in_two_splits():
    records, _ = read_findings(data_directory("failure_judge") / FINDINGS)
    homes = {}
    assert all(homes.setdefault(r.group, r.split) == r.split for r in records)

"""Scores, the total and the band: what follows from what."""

import json

import pytest
from hypothesis import given, strategies as st

from dspy_programs.data.scorer.config import MEASURES, ScorerConfig, read_config
from dspy_programs.data.scorer.scale import band_of, points_lost, score_of, total_of
from dspy_programs.errors import UsageError

SHARES = st.floats(0, 1)
HALVES = st.floats(0.001, 0.5)
BANDS = {"READY": 92.0, "CAUTION": 80.0, "NEEDS_WORK": 60.0}


@given(HALVES)
def test_half_is_the_share_with_the_score_one_half(half):
    assert score_of(half, half) == pytest.approx(0.5)
    assert (score_of(0, half), score_of(1, half)) == (1.0, 0.0)


@given(SHARES, SHARES, HALVES)
def test_more_bad_rows_never_score_higher(one, other, half):
    low, high = sorted((one, other))
    assert 0 <= score_of(high, half) <= score_of(low, half) <= 1


def test_997_of_1000_unique_rows_do_not_score_one_half():
    assert score_of(0.003, MEASURES["duplicates"].half) > 0.95


@given(st.lists(st.tuples(SHARES, st.floats(0.01, 1)), min_size=1, max_size=11))
def test_the_points_that_are_lost_add_up_to_what_the_total_lacks(pairs):
    scored = {str(number): pair for number, pair in enumerate(pairs)}
    assert sum(points_lost(scored).values()) == pytest.approx(100 - total_of(pairs))


def test_weights_are_those_of_the_contract_and_add_up_to_one():
    assert sum(measure.weight for measure in MEASURES.values()) == pytest.approx(1.0)
    assert len(MEASURES) == 11


def test_ten_good_checks_do_not_pay_for_a_broken_one():
    missing = MEASURES["missing"].weight
    assert total_of([(0.0, missing), (1.0, 1 - missing)]) < 60


@pytest.mark.parametrize(
    ("total", "band"),
    [(92, "READY"), (91.99, "CAUTION"), (80, "CAUTION"), (79.99, "NEEDS_WORK"), (59.99, "NOT_READY"), (0, "NOT_READY")],
)
def test_the_band_follows_from_the_total(total, band):
    assert band_of(total, BANDS) == band
    assert band_of(total, BANDS, few_rows=True) == {"READY": "CAUTION"}.get(band, band)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("checks: {duplicate: {weight: 1}}", "checks.duplicate"),
        ("checks: {duplicates: {wieght: 1}}", "wieght"),
        ("checks: {duplicates: {weight: -1}}", "greater than or equal to 0"),
        ("checks: {duplicates: {weight: .inf}}", "finite"),
        ("checks: {missing: {half: 0}}", "half"),
        ("nearthreshold: 0.7", "nearthreshold"),
        ("languages: english", "languages"),
        ("languages: [English]", "languages.0"),
        ("bands: {READY: 70}", "READY must be above"),
        (json.dumps({"checks": {name: {"weight": 0} for name in MEASURES}}), "weight 0"),
        ("- a", "configuration"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_configuration_is_one_line_that_says_where(tmp_path, text, said):
    path = tmp_path / "scorer.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert said in str(caught.value) and "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_configuration_changes_what_it_names_only(tmp_path):
    path = tmp_path / "scorer.yaml"
    path.write_text("checks: {duplicates: {weight: 0.3}}\nmax_tokens: 100\n", encoding="utf-8")
    config = read_config(path)
    assert config.measure("duplicates").weight == 0.3
    assert config.measure("duplicates").half == MEASURES["duplicates"].half
    assert config.measure("json") == MEASURES["json"]
    assert config.max_tokens == 100
    assert read_config(None) == ScorerConfig()

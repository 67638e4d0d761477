"""The gate: promotes what is better, rarely what is not, never what is worse, and no look costs anything."""

import numpy as np
import pytest

from optimizers.gate import main
from optimizers.promotion.gate import first_decisions, level_for, log_capital, shares_of, verdict
from optimizers.promotion.gate_simulation import CASES, graded, peeked, simulated


def test_simulation_meets_every_demand():
    outcomes = list(simulated())
    assert [each.name for each in outcomes if not each.holds] == []
    assert sum(bool(each.wants) for each in outcomes) == len(CASES) - 2  # three cases without a demand, one more at the end


def test_simulation_catches_a_gate_without_error_control():
    assert [each.name for each in simulated(200, level=0.6) if not each.holds]


def test_peeking_at_an_ordinary_test_promotes_what_is_no_better():
    differences = graded(0)(np.random.default_rng(0), (1000, 300))
    assert peeked(differences).mean() > 0.2
    assert first_decisions(shares_of(differences)).promoted.mean() <= 0.05


@pytest.mark.parametrize("level", [0.2, 0.05, 0.01])
def test_error_rate_stays_below_its_level_even_in_long_streams(level):
    coins = np.random.default_rng(1).choice([-1.0, 1.0], (400, 2000))
    noise = 2 * (level * (1 - level) / 400) ** 0.5
    assert first_decisions(shares_of(coins), level, margin=0).promoted.mean() <= level + noise


def test_bounds_cover_the_true_mean_at_every_row():
    random = np.random.default_rng(2)
    missed = 0
    for _ in range(200):
        shares = shares_of(np.clip(random.normal(0.3, 0.4, 120), -1, 1))
        missed += bool((log_capital(shares, (0.3 + 1) / 2) >= np.log(20)).any())
    assert missed <= 200 * 0.05


def test_verdict_promotes_and_says_by_how_much():
    found = verdict([0.5, 0.2, 0.4, 0.6] * 20)
    assert found.decision == "promote" and 0 < found.low < found.mean < found.high
    assert found.rows < 80  # and looks at no row after that
    assert f"better by at least {found.low:.3f}" == found.reason


def test_verdict_does_not_change_with_what_comes_after_it():
    won = [0.5] * 40
    first = verdict(won)
    assert verdict([*won, *[-1.0] * 500]) == first


def test_verdict_refuses_what_is_worse_before_the_rows_end():
    found = verdict([-0.4, -0.1, 0.1, -0.6] * 50)
    assert found.decision == "refuse" and found.rows < 200 and found.high < 0.02


def test_verdict_refuses_equals_when_the_rows_end():
    assert verdict([0.0] * 10).decision == "continue"
    assert verdict([0.0] * 10, ended=True) == verdict([0.0] * 10)._replace(
        decision="refuse", reason="no better on the rows there are"
    )
    assert verdict([0.1] * 10, ended=True).reason == "the rows ended before a gain was certain"


def test_a_refusal_at_a_level_of_its_own_comes_earlier_and_a_promotion_does_not():
    worse, better = [-0.5, 0.1] * 60, [0.5, 0.1] * 60
    late, early = (verdict(worse, level=0.001, refusing=refusing) for refusing in (None, 0.05))
    assert late.decision == early.decision == "refuse" and early.rows < late.rows
    assert early.reason == f"better by at most {early.high:.3f}, less than 0.02"
    assert verdict(better, level=0.001, refusing=0.05).rows == verdict(better, level=0.001).rows


def test_few_rows_are_never_enough_however_good():
    assert verdict([1.0] * 3).decision == "continue"


def test_verdict_without_rows():
    assert verdict([]).decision == "continue" and verdict([], ended=True).decision == "refuse"
    assert (verdict([]).low, verdict([]).high) == (-1, 1)


@pytest.mark.parametrize("differences", [[float("nan")], [1.5], [-1.01], [float("inf")]])
def test_a_difference_that_is_no_difference_of_scores_is_refused(differences):
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        verdict(differences)


@pytest.mark.parametrize(("level", "margin"), [(0, 0.02), (1, 0.02), (0.05, -0.1), (0.05, 1)])
def test_a_level_or_margin_without_sense_is_refused(level, margin):
    with pytest.raises(ValueError, match="level"):
        verdict([0.1], level=level, margin=margin)


def test_levels_of_all_challengers_add_up_to_no_more_than_one_level():
    assert sum(level_for(number) for number in range(1, 10_000)) <= 0.05
    assert level_for(1) > level_for(2) > level_for(3)


def test_command_prints_the_cases_and_is_the_same_each_time(capsys):
    assert main(["--streams", "200"]) == 0
    first = capsys.readouterr().out
    assert main(["--streams", "200"]) == 0
    assert capsys.readouterr().out == first
    assert "poisoned, graded" in first and "peeking promotes" in first


def test_command_exits_with_one_if_the_rows_are_too_few_for_the_demand(capsys):
    assert main(["--streams", "200", "--rows", "20"]) == 1
    assert "not as wanted: +10 points" in capsys.readouterr().out

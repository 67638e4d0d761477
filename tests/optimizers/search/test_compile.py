"""Which candidate wins: the one whose gain over the seed its rows support best, and the seed where none is supported."""

import pytest
from hypothesis import given, strategies as st

from optimizers.search import MIN_ROWS, Candidate, CompileResult, support, winner_of

EVEN = (0.5,) * 8


def candidate(
    index: int,
    scores: tuple[float, ...],
    instruction: str = "do it",
    shown: int = 0,
    fell_out: str = "",
    only_near: bool = False,
) -> Candidate:
    return Candidate(
        index=index,
        parents=(),
        start="seed",
        shows="none",
        instructions={"plan": instruction},
        demonstrations=(),
        reasoning=False,
        scores=scores,
        fell_out=fell_out,
        shown=shown,
        only_near=only_near,
        metric_calls=0,
        texts={},
    )


def result(*scores: tuple[float, ...], fell_out: str = "") -> CompileResult:
    last = len(scores) - 1
    each = [candidate(i, values, fell_out=fell_out if i == last else "") for i, values in enumerate(scores)]
    return CompileResult(tuple(each), "", {})


@pytest.mark.parametrize(
    ("seed", "other", "wins"),
    [
        (EVEN, (0.6,) * 8, 1),
        (EVEN, (0.6,) * 4, 1),
        (EVEN, (1.0,) * 3, 0),  # on three rows nothing is told
        (EVEN[:2], (0.9, 0.9), 1),  # but there are no more of them
        (EVEN[:1], (0.9,), 0),  # one row alone is no support
        ((), (), 0),
        (EVEN[:4], (0.9, 0.4, 0.6, 0.5), 0),  # mean gain 0.10, standard error 0.11
        (EVEN, EVEN, 0),
        (EVEN, (0.4,) * 8, 0),
    ],
)
def test_winner_has_a_gain_that_its_rows_support(seed, other, wins):
    assert result(seed, other).winner.index == wins


def test_a_gain_on_many_rows_goes_before_the_same_gain_on_few():
    assert result(EVEN, (0.7,) * 4, (0.7,) * 8).winner.index == 2


def test_best_of_equals_is_the_oldest():
    assert result(EVEN, (0.7,) * 8, (0.7,) * 8).winner.index == 1


@pytest.mark.parametrize(("instruction", "shown"), [("do it well and then better", 0), ("do it", 40)])
def test_best_of_equals_is_the_one_with_the_shorter_prompt(instruction, shown):
    long, short = candidate(1, (0.7,) * 8, instruction, shown), candidate(2, (0.7,) * 8)
    assert winner_of([candidate(0, EVEN), long, short]) is short


@pytest.mark.parametrize(
    ("fixed", "near", "wins"),
    [
        ((0.7, 0.9, 0.8, 0.8), (0.8, 0.6, 0.9, 0.8), 2),  # 0.025 behind, standard error 0.1
        ((0.8,) * 4, (0.7,) * 4, 1),  # behind on every row
        ((0.9,) * 4, (0.9,) * 4, 2),
        ((0.9,) * 4, (0.5, 0.5, 0.5, 0.6), 1),  # no supported gain of its own
    ],
)
def test_one_that_shows_only_what_is_near_wins_where_it_is_not_behind(fixed, near, wins):
    candidates = [candidate(0, EVEN), candidate(1, fixed), candidate(2, near, shown=99, only_near=True)]
    assert winner_of(candidates).index == wins


def test_one_that_fell_out_is_never_the_winner():
    assert result(EVEN, (0.6,) * 8, (0.9,) * 8, fell_out="behind").winner.index == 1


@given(st.lists(st.lists(st.floats(0, 1), max_size=8), min_size=1, max_size=6))
def test_whatever_was_scored_the_winner_is_the_seed_or_supported(scores):
    found = result(*map(tuple, scores)).winner
    assert not found.index or support(found.scores, scores[0]) > 0
    assert not found.index or len(found.scores) >= min(MIN_ROWS, len(scores[0]))


@pytest.mark.parametrize(
    ("scores", "fell_out", "unfinished"),
    [
        ((1.0,) * 3, "", True),  # ahead, on too few rows to tell
        ((0.9, 0.4, 0.6, 0.5), "", True),
        ((0.4,) * 4, "", False),
        ((1.0,) * 3, "behind", False),
        ((0.9,) * 8, "", False),  # it won
    ],
)
def test_who_was_ahead_on_too_few_rows_is_not_called_beaten(scores, fell_out, unfinished):
    assert result(EVEN, scores, fell_out=fell_out).unfinished is unfinished

"""Which candidate wins: only a gain that is more than luck replaces the seed."""

import pytest

from optimizers.compile import Candidate, CompileResult, best_of


def candidate(index: int, scores: tuple[float, ...], instruction: str = "do it", shown: int = 0) -> Candidate:
    return Candidate(
        index=index,
        parents=(),
        instructions={"plan": instruction},
        start="seed",
        demonstrations=(),
        scores=scores,
        shown=shown,
        metric_calls=0,
    )


def result(*scores: tuple[float, ...]) -> CompileResult:
    return CompileResult(tuple(candidate(i, values) for i, values in enumerate(scores)), "", 0, 0)


@pytest.mark.parametrize(
    ("seed", "other", "wins"),
    [
        ((0.5, 0.5), (0.6, 0.6), 1),  # the same gain on each row: no doubt
        ((0.5, 0.5, 0.5, 0.5), (0.9, 0.4, 0.6, 0.5), 0),  # mean gain 0.10, standard error 0.11
        ((0.5, 0.5, 0.5, 0.5), (0.9, 0.5, 0.6, 0.5), 1),  # mean gain 0.125, standard error 0.095
        ((0.5,), (0.6,), 1),
        ((0.5, 0.5), (0.5, 0.5), 0),
        ((0.5, 0.6), (0.4, 0.4), 0),
    ],
)
def test_winner_gained_more_than_one_standard_error(seed, other, wins):
    assert result(seed, other).winner.index == wins


def test_best_of_equals_is_the_oldest():
    assert best_of(result((0.5,), (0.7,), (0.7,)).candidates).index == 1


@pytest.mark.parametrize(("instruction", "shown"), [("do it well and then better", 0), ("do it", 40)])
def test_best_of_equals_is_the_one_with_the_shorter_prompt(instruction, shown):
    long, short = candidate(1, (0.7,), instruction, shown), candidate(2, (0.7,))
    assert best_of([candidate(0, (0.5,)), long, short]) is short


def test_one_that_fell_out_of_the_race_is_never_the_best():
    assert best_of([candidate(0, (0.5, 0.5)), candidate(1, (0.9,)), candidate(2, (0.6, 0.6))]).index == 2

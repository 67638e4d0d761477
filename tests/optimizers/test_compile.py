"""Which candidate wins: only a gain that is more than luck replaces the seed."""

import pytest

from optimizers.compile import Candidate, CompileResult, best_of


def result(*scores: tuple[float, ...]) -> CompileResult:
    return CompileResult(tuple(Candidate(i, (), {}, (), values, 0) for i, values in enumerate(scores)), "", 0, 0)


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

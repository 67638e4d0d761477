"""A race: the better half goes on, what is clearly behind falls out, and nobody runs a row twice."""

import pytest

from optimizers.race import may_win, parts, race, rounds

ROWS = list(range(12))


def run_race(levels, rows=ROWS, reference=0.5, may_go_on=lambda racers: True, calls=1000):
    """Race candidates that score a level on every row, a little more on odd ones. Returns (scores, calls of each)."""
    ran = {name: [] for name in levels}

    def run(name, some):
        ran[name] += some
        return tuple(levels[name] + 0.02 * (row % 2) for row in some)

    return race(list(levels), rows, [reference] * len(rows), run, may_go_on, calls), ran


def test_the_best_runs_all_rows_and_the_others_only_some():
    scores, ran = run_race({"good": 0.7, "better": 0.9, "fair": 0.6, "best": 0.95})
    assert [len(scores[name]) for name in ("fair", "good", "better", "best")] == [4, 4, 8, 12]
    assert ran["best"] == ROWS


def test_what_is_clearly_behind_the_reference_falls_out_even_alone():
    assert len(run_race({"worse": 0.3})[0]["worse"]) == 6
    assert len(run_race({"better": 0.6})[0]["better"]) == 12


def test_race_ends_where_the_budget_does():
    scores, _ = run_race({"a": 0.7, "b": 0.8}, may_go_on=lambda racers: racers < 2)
    assert scores == {"a": (), "b": ()}


def test_nobody_races_nowhere():
    assert run_race({})[0] == {}
    assert run_race({"a": 0.7}, rows=[])[0] == {"a": ()}


@pytest.mark.parametrize(
    ("racing", "rows", "sizes"),
    [(1, 10, [5, 5]), (2, 10, [5, 5]), (4, 10, [3, 3, 4]), (3, 1, [1]), (2, 0, [])],
)
def test_each_round_of_the_race_runs_a_part_of_the_rows_and_all_in_the_end(racing, rows, sizes):
    assert [len(part) for part in parts(range(rows), rounds(racing, rows, 1000))] == sizes


@pytest.mark.parametrize(
    ("scores", "goes_on"),
    [
        ((0.5, 0.5), False),  # nothing changed: the longer prompt is not worth a row more
        ((0.6, 0.5), True),
        ((0.4, 0.6), True),  # even: it may be better
        ((0.4, 0.4), False),
        ((0.0, 0.4), False),  # behind by 0.3, standard error 0.2
        ((0.3, 0.6), True),  # behind by 0.05, standard error 0.15
    ],
)
def test_one_that_is_clearly_behind_the_seed_falls_out(scores, goes_on):
    assert may_win(scores, (0.5, 0.5, 1.0)) is goes_on


@pytest.mark.parametrize(("racing", "rows", "calls"), [(3, 36, 54), (3, 64, 96), (2, 36, 54), (7, 12, 40)])
def test_one_racer_ends_within_the_calls_there_are(racing, rows, calls):
    names = [f"{number}" for number in range(racing)]
    scores, ran = run_race(dict.fromkeys(names, 0.9), rows=list(range(rows)), calls=calls)
    assert max(map(len, scores.values())) == rows and sum(map(len, ran.values())) <= calls


def test_more_calls_than_needed_change_nothing_and_too_few_cut_finest():
    assert rounds(2, 36, 54) == rounds(2, 36, 10_000) == 2
    assert rounds(3, 36, 54) == 4
    assert rounds(3, 36, 10) == 36

"""Which kind of change comes next: what pays for its rows, without ever giving up on the others."""

import random
from collections import Counter

import pytest

from optimizers.search.bandit import Arm, next_arm


def chosen(arms, times=2000):
    counts = Counter()
    for number in range(times):
        arm = next_arm(arms, random.Random(number))
        counts[arm.name if arm else None] += 1
    return counts


def tried(name, accepted, of, rows):
    return Arm(name, 1.0, 1.0, tried=of, accepted=accepted, rows=rows)


def test_what_has_helped_more_often_is_tried_more_often_and_the_other_still_now_and_then():
    counts = chosen([tried("good", 8, 10, 60), tried("bad", 1, 10, 60)])
    assert counts["good"] > 0.9 * 2000 > 0 < counts["bad"]


def test_of_two_that_help_as_often_the_cheaper_is_tried_more_often():
    counts = chosen([tried("cheap", 5, 10, 20), tried("dear", 5, 10, 120)])
    assert counts["cheap"] > 3 * counts["dear"]


def test_before_anything_was_tried_what_is_believed_decides():
    counts = chosen([Arm("likely", 2.0, 2.0), Arm("unlikely", 1.0, 8.0)])
    assert counts["likely"] > 4 * counts["unlikely"] > 0


def test_trying_changes_what_is_believed():
    arms = [Arm("likely", 2.0, 2.0), Arm("unlikely", 1.0, 8.0)]
    for _ in range(20):
        arms[0].paid(won=False, rows=6)
        arms[1].paid(won=True, rows=6)
    assert (arms[0].tried, arms[0].accepted, arms[0].rows) == (20, 0, 120)
    assert (arms[1].tried, arms[1].accepted, arms[1].rows) == (20, 20, 120)
    assert chosen(arms).most_common(1)[0][0] == "unlikely"


def test_proposals_that_cost_no_row_are_not_free():
    assert Arm("empty", 1.0, 1.0, tried=1000).worth(random.Random(0)) < 0.02


@pytest.mark.parametrize("reason", ["it was tried in vain", "its replies could not be read"])
def test_closed_arm_is_never_tried(reason):
    closed = Arm("best", 50.0, 1.0, closed=reason)
    assert set(chosen([closed, Arm("other", 1.0, 99.0)])) == {"other"}
    assert next_arm([closed], random.Random(0)) is None is next_arm([], random.Random(0))


def test_the_same_draw_gives_the_same_arm():
    arms = [Arm(str(number), 1.0, 1.0) for number in range(5)]
    assert [next_arm(arms, random.Random(n)) for n in range(50)] == [next_arm(arms, random.Random(n)) for n in range(50)]

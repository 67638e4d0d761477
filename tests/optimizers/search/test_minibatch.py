"""Minibatches: rows that failed come again, rows that nothing mends give way, and an untried one is always among them."""

import random
from collections import Counter

import pytest
from hypothesis import given, strategies as st

from optimizers.search import loss_weighted_rows

IDS = [f"row {number}" for number in range(10)]


def drawn(lost, used, times=2000, ids=IDS, size=1):
    return Counter(id_ for draw in range(times) for id_ in loss_weighted_rows(ids, lost, used, size, random.Random(draw)))


def test_rows_on_which_more_was_lost_are_drawn_more_often():
    counts = drawn({id_: 0.1 for id_ in IDS} | {"row 0": 0.9}, {})
    assert counts["row 0"] > 5 * max(count for id_, count in counts.items() if id_ != "row 0")


def test_row_that_was_shown_often_gives_way():
    counts = drawn(dict.fromkeys(IDS, 1.0), {"row 0": 9})
    assert counts["row 0"] < min(count for id_, count in counts.items() if id_ != "row 0") / 10


def test_perfect_row_is_never_drawn_and_rows_may_run_out():
    lost = dict.fromkeys(IDS, 0.0) | {"row 3": 0.5}
    assert loss_weighted_rows(IDS, lost, {}, 3, random.Random(0)) == ["row 3"]
    assert loss_weighted_rows(IDS, dict.fromkeys(IDS, 0.0), {}, 3, random.Random(0)) == []
    assert loss_weighted_rows([], {}, {}, 3, random.Random(0)) == []


def test_untried_rows_together_weigh_as_much_as_one_that_failed_altogether():
    counts = drawn({"row 0": 1.0}, {}, size=2)  # drawn at the first turn, or at the second where it was not
    assert counts["row 0"] == pytest.approx(2000 * 0.75, rel=0.1)


@given(
    st.dictionaries(st.sampled_from(IDS), st.floats(0, 1)),
    st.dictionaries(st.sampled_from(IDS), st.integers(0, 50)),
    st.integers(0, 5),
    st.integers(0, 999),
)
def test_whatever_was_lost_a_batch_has_no_row_twice_and_an_untried_one_while_there_are_any(lost, used, size, seed):
    batch = loss_weighted_rows(IDS, lost, used, size, random.Random(seed))
    useful = [id_ for id_ in IDS if lost.get(id_, 1.0) > 0]
    assert len(set(batch)) == len(batch) == min(size, len(useful))
    assert set(batch) <= set(useful)
    if size and len(lost) < len(IDS):
        assert any(id_ not in lost for id_ in batch)
    assert batch == loss_weighted_rows(IDS, lost, used, size, random.Random(seed))

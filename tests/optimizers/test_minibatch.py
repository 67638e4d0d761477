"""Minibatches: rows on which most was lost come more often, and a rerun draws the same."""

from collections import Counter
from types import SimpleNamespace

from optimizers.minibatch import HardRows


class Loader:
    def __init__(self, rows):
        self.rows = rows

    def all_ids(self):
        return list(range(self.rows))


def drawn(sampler, rounds, scores, rows=10):
    """Draw so many batches, telling the sampler each row's score; return how often each row was drawn."""
    counts = Counter()
    for i in range(rounds):
        batch = sampler.next_minibatch_ids(Loader(rows), SimpleNamespace(i=i))
        counts.update(batch)
        sampler.on_evaluation_end({"candidate_idx": 0, "scores": [scores(row) for row in batch]})
    return counts


def test_rows_on_which_more_was_lost_are_drawn_more_often():
    counts = drawn(HardRows(3, seed=0), 300, lambda row: 0.0 if row < 2 else 1.0)
    hard, easy = (counts[0] + counts[1]) / 2, sum(counts[row] for row in range(2, 10)) / 8
    assert hard > 3 * easy
    assert min(counts.values()) > 10  # what is perfect now may break later


def test_every_row_is_tried_before_perfect_ones_come_back():
    counts = drawn(HardRows(3, seed=0), 10, lambda row: 1.0, rows=30)
    assert len(counts) >= 24


def test_the_same_seed_and_scores_give_the_same_batches():
    def batches(seed):
        sampler, found = HardRows(3, seed), []
        for i in range(20):
            found.append(tuple(sampler.next_minibatch_ids(Loader(10), SimpleNamespace(i=i))))
            sampler.on_evaluation_end({"candidate_idx": 0, "scores": [row / 10 for row in found[-1]]})
        return found

    assert batches(1) == batches(1) != batches(2)


def test_no_row_twice_in_a_batch_and_all_of_them_where_there_are_few():
    sampler = HardRows(3, seed=0)
    assert all(len(set(sampler.next_minibatch_ids(Loader(5), SimpleNamespace(i=i)))) == 3 for i in range(50))
    assert sorted(sampler.next_minibatch_ids(Loader(2), SimpleNamespace(i=0))) == [0, 1]


def test_a_proposal_that_may_be_dropped_changes_nothing():
    sampler = HardRows(3, seed=0)
    sampler.next_minibatch_ids(Loader(5), SimpleNamespace(i=0))
    sampler.on_evaluation_end({"candidate_idx": None, "scores": [1.0, 1.0, 1.0]})
    assert sampler.lost == {}

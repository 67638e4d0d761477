"""Parts: their sizes, and that groups are never parted."""

import numpy as np
import pytest

from dspy_programs.data import DataPair
from dspy_programs.data.export.grouping import group_of, near_groups, question_key
from dspy_programs.data.export.splits import parts_of, shares_of, sizes_of


@pytest.mark.parametrize(
    ("count", "shares", "sizes"),
    [
        (10, [0.8, 0.2], [8, 2]),
        (100, [0.29, 0.71], [29, 71]),  # 100 * 0.29 is 28.999999999999996
        (7, [0.5, 0.25, 0.25], [3, 1, 3]),
        (3, [0.99], [3]),
        (0, [0.5, 0.5], [0, 0]),
    ],
)
def test_sizes_are_whole_and_the_last_part_takes_the_rest(count, shares, sizes):
    assert sizes_of(count, shares) == sizes


def test_shares_may_miss_one_by_a_hundredth():
    assert shares_of(" train = .333 , val=.333,test=.333") == {"train": 0.333, "val": 0.333, "test": 0.333}


@pytest.mark.parametrize("seed", range(20))
def test_groups_of_any_size_stay_whole_and_sizes_are_near(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.zipf(2.0, 200).clip(1, 60)
    groups = np.repeat(rng.integers(1 << 60, size=200, dtype=np.uint64), sizes)
    rng.shuffle(groups)
    parts = parts_of(groups, {"a": 0.7, "b": 0.2, "c": 0.1}, seed)
    part_of = {}
    for group, part in zip(groups.tolist(), parts.tolist(), strict=True):
        assert part_of.setdefault(group, part) == part
    wanted = sizes_of(len(groups), [0.7, 0.2, 0.1])
    assert list(np.bincount(parts)) == wanted, "with enough single rows, sizes are exact"


@pytest.mark.parametrize("seed", [-1, 0, 1 << 70])
def test_any_seed_is_one(seed):
    parts = parts_of(np.arange(100, dtype=np.uint64), {"a": 0.5, "b": 0.5}, seed)
    assert list(np.bincount(parts)) == [50, 50]


def test_a_share_is_drawn_evenly_from_the_whole_file():
    parts = parts_of(np.arange(10_000, dtype=np.uint64), {"a": 0.9, "b": 0.1}, 3)
    by_thousand = parts.reshape(10, 1000).sum(axis=1)
    assert by_thousand.min() > 65 and by_thousand.max() < 135


def pair(instruction, **more):
    return DataPair(**{"instruction": instruction, "output": "x"} | more)


def test_a_question_is_known_by_what_it_asks():
    one = question_key(pair("Translate", input="cat"))
    assert one == question_key(pair("  translate! ", input="CAT", output="other", category="c"))
    assert one != question_key(pair("Translate", input="dog"))
    assert question_key(pair("", output="a")) != question_key(pair("", output="b"))
    turns = [{"role": "user", "content": "Translate"}, {"role": "assistant", "content": "what?"}]
    assert question_key(pair("Translate", messages=turns)) != question_key(
        pair("Translate", messages=[*turns, {"role": "user", "content": "cat"}])
    )
    assert question_key(pair("+")) != question_key(pair("-"))


def test_near_groups_join_questions_that_share_most_words_and_no_others():
    base = "Explain in simple words why the sky looks blue during the day and red in the evening to a child of six years"
    near = [pair(base), pair(base.replace("six", "ten")), pair(base + " please"), pair(base.upper())]
    apart = [
        pair(f"What is {word} for, and in which {place} was it made first?")
        for word, place in zip(
            "tea rope glass iron soap ink salt wool".split(), "town land age year house state month way".split(), strict=True
        )
    ]
    apart += [pair("Translate", input=word) for word in ("cat", "dog", "a house by the sea")]
    found = near_groups(iter(near + apart))
    assert len(set(found[:4].tolist())) == 1 and len(set(found[4:].tolist())) > 8
    assert len(near_groups(iter([]))) == 0
    assert list(near_groups(iter(near + apart))) == list(found)


def test_groups_are_the_same_on_every_machine():
    assert question_key(pair("What is 2 + 2?")) == KNOWN
    assert int(near_groups(iter([pair("What is 2 + 2?")]))[0]) == KNOWN
    assert group_of("category")(iter([pair("a", category="c")]))[0] == group_of("category")(iter([pair("b", category="c")]))[0]


KNOWN = 13679974334869145477

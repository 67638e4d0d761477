"""When it is time to compress, also right after the last time, and what would go first."""

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.memory import ForgettingCurve, MemoryCompressor, MemoryEntry, MemoryStore
from dspy_programs.tokens import TokenCounter

FRAME, ONCE = 4, 3  # tokens of a message, of a request, besides the text


def grown(turns, letters=10):
    """Return a store of messages with so many tokens each."""
    store = MemoryStore(counter=TokenCounter("letters", True, len))
    for _ in range(turns):
        store.add("user", "x" * max(1, letters - FRAME))
    return store


def test_turns_fire_at_the_interval_and_anew_after_mark():
    curve, store = ForgettingCurve(10, None), grown(9)
    assert not curve.should_compress(store)
    store.add("user", "tenth")
    assert curve.should_compress(store)
    curve.mark_compressed(store)
    assert not curve.should_compress(store)
    for _ in range(10):
        store.add("user", "more")
    assert curve.should_compress(store)


def test_interval_of_one_fires_at_every_turn():
    curve, store = ForgettingCurve(compression_interval_turns=1), grown(1)
    assert curve.should_compress(store)
    curve.mark_compressed(store)
    assert not curve.should_compress(store)


def test_turns_are_counted_where_entries_have_none():
    store = MemoryStore()
    store.add_entries(MemoryEntry(role="user", content="x") for _ in range(10))
    assert ForgettingCurve(10, None).should_compress(store)


def test_tokens_need_five_entries_and_more_than_the_threshold():
    curve = ForgettingCurve(None, 100 + ONCE)
    assert not curve.should_compress(grown(4, letters=100))
    assert not curve.should_compress(grown(10, letters=10))
    assert curve.should_compress(grown(10, letters=11))


def test_token_trigger_neither_thrashes_nor_goes_dead():
    curve, store = ForgettingCurve(None, 100, hysteresis=0.8), grown(30)
    assert curve.should_compress(store)
    curve.mark_compressed(store)
    assert not curve.should_compress(store)  # nothing could be saved: not again at once
    store.add("user", "x" * (19 - FRAME))
    assert not curve.should_compress(store)
    store.add("user", "x")
    assert curve.should_compress(store)  # a fifth of the threshold more


def test_token_trigger_fires_again_after_a_compression_that_helped():
    curve, store = ForgettingCurve(None, 200), grown(30)
    MemoryCompressor(100, 1).compress(store)
    curve.mark_compressed(store)
    assert not curve.should_compress(store)
    for _ in range(12):
        store.add("user", "x" * 10)
    assert curve.should_compress(store)


def test_threshold_is_not_exceeded_by_more_than_a_message_after_a_compression_to_the_low_water_mark():
    curve, store = ForgettingCurve(None, 1000 + ONCE), grown(90)
    curve.mark_compressed(store)  # at 0.9 of the threshold
    while not curve.should_compress(store):
        assert store.token_total() <= 1000 + ONCE
        store.add("user", "x" * (10 - FRAME))
    assert store.token_total() == 1010 + ONCE


@pytest.mark.parametrize(
    ("turns", "letters", "either", "both"), [(10, 1, True, False), (5, 99, True, False), (10, 99, True, True)]
)
def test_both_or_either(turns, letters, either, both):
    store = grown(turns, letters)
    assert ForgettingCurve(10, 100).should_compress(store) is either
    assert ForgettingCurve(10, 100, require_both=True).should_compress(store) is both


def test_status_says_what_is_known():
    status = ForgettingCurve(10, 100).get_status(grown(12, letters=20))
    assert status["should_compress"] and not status["require_both"]
    assert status["turn_trigger"]["turns_since_compression"] == 12 and status["turn_trigger"]["should_trigger"]
    assert status["token_trigger"]["current_tokens"] == 240 + ONCE and status["token_trigger"]["should_trigger"]
    assert "turn_trigger" not in ForgettingCurve(None, 100).get_status(grown(1))


def test_priority_is_least_important_first_without_what_is_protected(store):
    order = ForgettingCurve().get_compression_priority(store, protected_recent=3)
    assert len(order) == 57 and {entry.role for entry in order} == {"user", "assistant"}
    assert all(entry not in order for entry in store.get_recent(3))
    assert order[0].turn_number < order[-1].turn_number


@pytest.mark.parametrize("wrong", [(0, 100), (10, 0), (None, None), (-1, None)])
def test_triggers_that_can_never_be_meant_are_refused(wrong):
    with pytest.raises(UsageError):
        ForgettingCurve(*wrong)


@pytest.mark.parametrize("hysteresis", [-0.1, 1.1, float("nan")])
def test_hysteresis_is_a_share(hysteresis):
    with pytest.raises(UsageError, match="hysteresis"):
        ForgettingCurve(hysteresis=hysteresis)

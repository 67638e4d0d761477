"""Runs of thousands of turns: the time for a turn must not grow with the run, whatever the turns are."""

import time
from collections.abc import Callable

import pytest

from dspy_programs.failures.classifier import FailureClassifier
from dspy_programs.provenance import Sources
from dspy_programs.provenance.numbers import USER, Numbers
from tests.dspy_programs.programs.runs import call, trace


def test_a_text_is_indexed_as_fast_after_many_others():
    def indexed(count):
        sources = Sources()
        for turn in range(count):
            sources.add(f"word{turn}", turn, "tool")
            sources.origin(f"other {turn}")

    assert seconds(lambda: indexed(16_000)) < 40 * seconds(lambda: indexed(1_000))


@pytest.mark.parametrize("returned", [[{"id": 13}, {"id": 17}], "ok"])
def test_a_turn_is_judged_as_fast_in_a_long_run(returned):
    def judged(rounds):
        policy = ("system", "You must get the user's yes before you change an order.")
        calls = [call("cancel_order", {"order_id": f"K{i * 7919}"}, returned) for i in range(rounds)]
        FailureClassifier(use_llm=False).classify(trace("Cancel all orders", policy, ("user", "yes"), *calls))

    assert seconds(lambda: judged(6_000)) < 50 * seconds(lambda: judged(300))


def test_a_run_full_of_numbers_leaves_no_time_to_calculate_and_blames_nobody():
    numbers = Numbers()
    for pool in range(60):
        numbers.add([pool * 31.7 + 3, pool * 57.3 + 7, pool * 91.1 + 9], pool, f"pool {pool}")

    def asked(times):
        for turn in range(times):
            numbers.add([turn * 1.37 + 5000], turn, USER)
            numbers.is_computed(123_456_789.123)

    assert not numbers.is_computed(123_456_789.123)
    assert seconds(lambda: asked(200)) < 4  # without an end, 10 to 20
    assert numbers.is_computed(123_456_789.123)


def seconds(work: Callable[[], None]) -> float:
    """Return the best of two: garbage of other tests may be collected in one."""
    return min(_timed(work) for _ in range(2))


def _timed(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started

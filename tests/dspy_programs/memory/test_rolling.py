"""Rolling use, as agents have it: compression at every overflow keeps what one compression at the end keeps."""

import os

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dspy_programs.errors import UsageError
from dspy_programs.memory import MemoryCompressor, MemoryStore, restore
from dspy_programs.tokens import APPROXIMATE

CASES = settings(
    max_examples=int(os.environ.get("MEMORY_CASES", "100")) // 4,
    deadline=None,
    derandomize="MEMORY_CASES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
FACTS = (
    "The budget is $42,500.",
    "Maria decided on PostgreSQL.",
    "The vault code is 7731.",
    "Order W4482190 goes to Leeds.",
    "Tomas Berg owns the on-call rota.",
    "Ship on 12 May at 18:00.",
)
FILLER = (
    "We looked at the plan again and the next part goes on as it was said before by all of us here.",
    "Thanks, that looks fine to me, so please go on with the next part of the plan.",
    "I had another look at it and found nothing unusual, as far as I can tell from here.",
)


def live(store):
    return "\n".join(entry.text for entry in store)


def kept(store, facts=FACTS):
    return [fact for fact in facts if fact in live(store)]


def said(turn, facts):
    return f"{facts[turn]} {FILLER[turn % 3]}" if turn in facts else FILLER[turn % 3]


def rolled(turns, budget, facts, after=lambda store: store):
    store = MemoryStore()
    for turn in range(turns):
        store.add("assistant" if turn % 2 else "user", said(turn, facts))
        if store.token_total() > budget:
            MemoryCompressor(budget).compress(store)
            store = after(store)
            assert store.token_total() <= budget
    return store


def test_a_fact_outlives_identical_filler_at_every_overflow():
    store = MemoryStore()
    store.add("user", "The budget is $42,500. Maria decided on PostgreSQL.")
    for _ in range(40):
        store.add("assistant", FILLER[0])
        if store.token_total() > 200:
            MemoryCompressor(200).compress(store)
    assert "42,500" in live(store) and "PostgreSQL" in live(store)


@pytest.mark.parametrize(
    ("turns", "places"),
    [(600, (0, 100, 200, 300, 400, 500)), (150, (0, 1, 2, 3, 4, 5)), (150, (80, 81, 100, 135, 140, 147))],
)
def test_six_facts_outlive_a_compression_at_every_overflow(turns, places):
    store = rolled(turns, 800, dict(zip(places, FACTS, strict=True)))
    assert kept(store) == list(FACTS)
    assert len(restore(store)) == turns


def test_facts_outlive_rounds_in_which_the_note_comes_back_as_a_plain_message():
    def plain(store):
        again = MemoryStore()
        for entry in store:
            again.add(entry.chat_role, entry.content)
        return again

    store = rolled(200, 400, {3: FACTS[0], 70: FACTS[1], 150: FACTS[2]}, plain)
    assert kept(store) == list(FACTS[:3])
    assert live(store).count("[Earlier") == 1


def test_rounds_leave_as_few_of_the_newest_messages_beside_the_note_as_one_compression():
    """What is compressed counts as what it was: records of digits have more tokens than their length tells."""
    once, rolling = MemoryStore(), MemoryStore()
    for turn in range(40):
        once.add("user", f"[{', '.join(str(turn * 7919 + place) for place in range(12))}]")
        once.add("assistant", f"Part {turn} is read.")
    budget = once.token_total() * 6 // 10
    for entry in once:
        rolling.add_entry(entry)
        if rolling.token_total() > budget:
            MemoryCompressor(budget).compress(rolling)
    MemoryCompressor(budget).compress(once)
    assert abs(len(rolling) - len(once)) <= 4


def test_one_token_over_the_budget_costs_filler_and_no_fact():
    store = MemoryStore()
    for turn in range(20):
        store.add("user", said(turn, {4: FACTS[0]}) if turn != 4 else FACTS[0])
    MemoryCompressor(store.token_total() - 1).compress(store)
    assert FACTS[0] in live(store)


def test_a_store_that_was_compressed_before_goes_down_to_the_low_water_mark():
    store = rolled(60, 400, {})
    rounds = 0
    for turn in range(60):
        store.add("user", f"Part {turn}: {FILLER[turn % 3]}")
        if store.token_total() > 400:
            report = MemoryCompressor(400, low_water=0.7).compress(store)
            assert report.final_tokens <= 280
            rounds += 1
    assert 0 < rounds < 20


@pytest.mark.parametrize("share", [0, 1.1, float("nan")])
def test_low_water_that_is_no_share_is_refused(share):
    with pytest.raises(UsageError, match="low_water"):
        MemoryCompressor(400, low_water=share)


@CASES
@given(
    st.lists(st.one_of(st.integers(0, len(FACTS) - 1), st.just(-1), st.just(-1), st.just(-2)), min_size=1, max_size=60),
    st.integers(120, 400),
)
def test_any_order_of_adds_and_compressions_keeps_what_one_compression_keeps_less_one(steps, budget):
    """A step adds a fact, or filler (-1), or compresses (-2), beside the compressions at every overflow."""
    rolling, once = MemoryStore(counter=APPROXIMATE), MemoryStore(counter=APPROXIMATE)
    for turn, step in enumerate(steps):
        if step == -2:
            MemoryCompressor(budget).compress(rolling)
            continue
        text = FACTS[step] if step >= 0 else f"Part {turn % 7}: {FILLER[turn % 3]}"
        for store in (rolling, once):
            store.add("user" if turn % 2 else "assistant", text)
        if rolling.token_total() > budget:
            MemoryCompressor(budget).compress(rolling)
    MemoryCompressor(budget).compress(once)
    assert len(kept(rolling)) >= len(kept(once)) - 1
    assert [entry.content for entry in restore(rolling)] == [entry.content for entry in restore(once)]

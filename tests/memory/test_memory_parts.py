"""Importance, triggers, the compressor's rules, context: what was wrong elsewhere, and must not be here."""

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.memory import (
    ContextBuilder,
    ContextConfig,
    ForgettingCurve,
    ImportanceScorer,
    MemoryCompressor,
    MemoryEntry,
    MemoryStore,
    ScoringConfig,
    restore,
)
from dspy_programs.text import approximate_tokens
from dspy_programs.tokens import APPROXIMATE

LONG = "We talked for a while about the weather, and then about lunch. It was a calm day. Nobody had anything to add. "


def said(role="user", content="hello", turn=0, **fields):
    return MemoryEntry(role=role, content=content, turn_number=turn, timestamp=fields.pop("timestamp", 0.0), **fields)


def store_of(*entries):
    store = MemoryStore(counter=APPROXIMATE)
    store.add_entries(entries)
    return store


def test_formula_by_turns_is_the_published_one():
    scorer = ImportanceScorer(ScoringConfig(boost_keywords={"oslo": 1.0}))
    assert scorer.score_entry(said("assistant", "ok", 10), last_turn=14) == pytest.approx(0.4 * 1.0 + 0.4 * 0.6)
    assert scorer.score_entry(said("user", "to Oslo?", 10), last_turn=15) == pytest.approx(0.4 * 0.85 + 0.4 * 0.9 + 0.2)
    assert scorer.score_entry(said("tool", "rain", 1), last_turn=99) == pytest.approx(0.4 * 0.4)
    assert scorer.score_entry(said("user", "We decided to stay.", 1), last_turn=99) == pytest.approx(0.4 * 0.9)


def test_formula_by_age_halves_and_clamps_the_future():
    scorer = ImportanceScorer(ScoringConfig(formula="age", boost_keywords={"Rain": 0.5}, case_sensitive=True))
    scorer.set_reference_time(7200.0)
    assert scorer.score_entry(said("user", "x", timestamp=3600.0)) == pytest.approx(0.75)
    assert scorer.score_entry(said("system", "x", timestamp=1e12)) == pytest.approx(2.0)
    assert scorer.score_entry(said("assistant", "Rain", timestamp=7200.0)) == pytest.approx(1.5)
    assert scorer.score_entry(said("assistant", "rain", timestamp=7200.0)) == pytest.approx(1.0)


def test_recency_goes_by_turn_not_by_clock_and_by_place_without_turns():
    newer = [said("assistant", "b", 0, timestamp=5.0), said("assistant", "a", 50, timestamp=1.0)]
    assert ImportanceScorer().scores(newer)[0] < ImportanceScorer().scores(newer)[1]
    same = ImportanceScorer().scores([said("assistant", "x") for _ in range(20)])
    assert same[0] < same[-1]


def test_meaning_of_the_goal_counts():
    pytest.importorskip("wordllama")
    entries = [said("assistant", "the cat sat on a mat", 1), said("assistant", "book a flight to norway", 1)]
    far, near = ImportanceScorer(ScoringConfig(goal="travel by plane to Oslo")).scores(entries)
    assert near > far


def test_forgetting_curve_fires_by_turns_and_by_tokens():
    store = store_of(*[said(turn=turn) for turn in range(1, 11)])
    assert ForgettingCurve(10, None).should_compress(store) and not ForgettingCurve(11, None).should_compress(store)
    assert ForgettingCurve(None, 9).should_compress(store) and not ForgettingCurve(None, 10_000).should_compress(store)
    assert not ForgettingCurve(10, 10_000, require_both=True).should_compress(store)
    assert ForgettingCurve(10, 9, require_both=True).should_compress(store)
    curve = ForgettingCurve(1, None)
    curve.mark_compressed(store)
    assert not curve.should_compress(store)
    store.add_entry(said(turn=11))
    assert curve.should_compress(store)


def test_token_trigger_rests_after_a_compression_and_does_not_go_dead():
    store = store_of(*[said(content="word " * 20, turn=turn) for turn in range(20)])
    curve = ForgettingCurve(None, 100)
    assert curve.should_compress(store)
    curve.mark_compressed(store)  # nothing could be saved: still far above the threshold
    assert not curve.should_compress(store)
    store.add_entry(said(content="word " * 30, turn=21))
    assert curve.should_compress(store)
    assert curve.get_status(store)["token_trigger"]["should_trigger"] is True


def test_compression_priority_is_least_important_first_without_what_is_protected():
    store = store_of(said("system", "be kind", 0), said("user", "we decided on Oslo", 1), said("tool", "rain", 2), said(turn=3))
    assert [entry.content for entry in ForgettingCurve().get_compression_priority(store, 1)] == ["rain", "we decided on Oslo"]


@pytest.mark.parametrize("arguments", [(0, 5), (5, 0), (None, None)])
def test_forgetting_curve_refuses_what_can_never_fire(arguments):
    with pytest.raises(UsageError):
        ForgettingCurve(*arguments)


def test_small_cut_is_a_summary_and_leaves_what_matters_whole():
    facts = [said("user", f"We decided that vault {n} opens at {n}:30. {LONG}", n) for n in range(10)]
    store = store_of(*[said("assistant", LONG * 2, n) for n in range(30)], *facts)
    report = MemoryCompressor(int(store.token_total() * 0.8), 0).compress(store)
    assert report.strategy == "summarize" and report.answered_by == "rules"
    assert store.entries[-10:] == facts  # a decision outweighs small talk of its age
    assert all(entry.content for entry in store)


def test_one_strategy_alone_that_is_not_enough_says_so_and_changes_nothing():
    store = store_of(*[said("assistant", LONG, n) for n in range(30)])
    before = store.entries
    with pytest.raises(UsageError, match="allow the strategy archive"):
        MemoryCompressor(100, strategies=["summarize"]).compress(store)
    assert store.entries == before


def test_progress_that_raises_leaves_the_store_as_it_was():
    store = store_of(*[said("assistant", LONG, n) for n in range(30)])
    before, total = store.entries, store.token_total()

    def stop(done, of):
        raise KeyboardInterrupt

    for budget in (100, total // 2 + 100):
        with pytest.raises(KeyboardInterrupt):
            MemoryCompressor(budget).compress(store, stop)
        assert store.entries == before and store.token_total() == total


def test_report_has_the_published_keys_and_says_how_it_was_counted():
    store = store_of(*[said("assistant", LONG, n) for n in range(30)])
    report = MemoryCompressor(200).compress(store).to_dict()
    published = (
        "initial_tokens final_tokens tokens_saved entries_compressed entries_archived entries_summarized entries_extracted "
        "compression_ratio iterations duration_seconds protected_entries"
    )
    assert set(published.split()) <= report.keys()
    assert report["answered_by"] == "rules" and report["exact"] is False
    assert report["restorable"] == report["entries_compressed"] == report["entries_archived"] > 20
    assert report["tokens_saved"] == report["initial_tokens"] - report["final_tokens"] > 0


def test_cjk_is_compressed_and_keeps_its_facts():
    store = store_of(*[said("user", f"今天继续检查系统的流程，没有新的问题。第{n}步。", n) for n in range(500)])
    store.update_entry(store.entries[77].id, content="预算已批准：42500美元，由李雷负责。")
    MemoryCompressor(300).compress(store)
    assert store.token_total() <= 300 and "42500" in "".join(entry.content for entry in store)


def test_a_repeated_message_does_not_cost_more_than_the_budget_asks():
    store = store_of(*[said("user", "hello there", n) for n in range(1000)])
    report = MemoryCompressor(400).compress(store)
    assert 400 - report.final_tokens < approximate_tokens("hello there")


def test_context_takes_the_archive_first_then_the_newest():
    store = store_of(*[said("user", f"{LONG} The code of box {n} is {n * 7919}.", n) for n in range(100)])
    MemoryCompressor(600).compress(store)
    text = ContextBuilder(ContextConfig(max_tokens=400)).build_context(store)
    assert "Archived" in text and approximate_tokens(text) <= 400


def test_context_with_nothing_protected_is_not_empty():
    store = store_of(said(content="one"), said(content="two", turn=1))
    builder = ContextBuilder(ContextConfig(protected_recent=0))
    assert builder.build_context(store) == "user: one\n\nuser: two"
    assert builder.get_context_stats(store)["entries_included"] == 2


def test_context_says_when_what_is_protected_does_not_fit():
    with pytest.raises(UsageError, match="alone have"):
        ContextBuilder(ContextConfig(max_tokens=5)).build_context(store_of(said(content=LONG)))


def test_restored_order_is_that_of_adding_though_important_entries_stayed_between():
    entries = [said("system" if n % 7 == 0 else "assistant", f"{n}. {LONG}", n) for n in range(60)]
    store = store_of(*entries)
    MemoryCompressor(store.token_total() // 3).compress(store)
    assert len(store) < 60 and restore(store).entries == entries

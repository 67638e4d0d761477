"""The strategies one by one; a model that summarizes well, badly, with lies, or not at all."""

import json
import time

import dspy
import pytest

from dspy_programs.errors import LanguageModelError, UsageError
from dspy_programs.memory import (
    CompressionEngine,
    ForgettingCurve,
    LLMClient,
    MemoryCompressor,
    MemoryEntry,
    MemoryStore,
    restore,
)
from dspy_programs.tokens import TokenCounter
from tests.fakes import ChatServer, scripted_lm

pytestmark = pytest.mark.filterwarnings("ignore:memory_summarizer is not compiled")
KEYS = {
    "initial_tokens",
    "final_tokens",
    "tokens_saved",
    "entries_compressed",
    "entries_archived",
    "entries_summarized",
    "entries_extracted",
    "compression_ratio",
    "iterations",
    "duration_seconds",
    "protected_entries",
}
ENTRY = MemoryEntry(
    role="user",
    turn_number=4,
    content="Thanks, that sounds fine to me. Maria decided to use PostgreSQL on port 5433. Let us see how it goes from here. "
    "It is taking a little longer than I had hoped.",
)


def reply(summary="Hosts listen on ports.", facts=()):
    return json.dumps({"memory": {"summary": summary, "decisions": [], "facts": list(facts)}})


def raising(prompt):
    raise RuntimeError("the model is down\nand more")


@pytest.mark.parametrize("strategy", ["summarize", "extract_facts", "archive"])
def test_a_strategy_gives_a_smaller_entry_that_says_so_with_its_original(strategy):
    made = getattr(CompressionEngine(), strategy)(ENTRY)
    assert (made.id, made.role, made.turn_number, made.chat_role) == (ENTRY.id, "compressed", 4, "user")
    assert made.metadata["compression_strategy"] == strategy and made.metadata["answered_by"] == "rules"
    assert made.compression_history[0]["original_content"] == ENTRY.content and len(made.content) < len(ENTRY.content)
    assert strategy == "archive" or "Maria decided to use PostgreSQL on port 5433." in made.content


def test_archive_of_one_entry_is_a_reference():
    facts = CompressionEngine().extract_facts(ENTRY)
    assert "PostgreSQL on port 5433" in facts.content and "Thanks" not in facts.content
    assert facts.compression_history[0]["original_content"] == ENTRY.content
    assert CompressionEngine().archive(ENTRY).content == "[Archived user message from turn 4]"


@pytest.mark.parametrize("budget", [1480, 1000, 700, 400, 120])
def test_budget_is_met_with_no_overshoot_and_the_report_adds_up(store, budget):
    before = store.entries
    report = MemoryCompressor(budget, 3, now=lambda: 0.0).compress(store)
    told = report.to_dict()
    assert set(told) >= KEYS and told["answered_by"] == "rules"
    assert store.token_total() == told["final_tokens"] <= budget
    assert budget - told["final_tokens"] < 2 * max(map(store.count_tokens, (entry.text for entry in before)))
    assert told["tokens_saved"] == told["initial_tokens"] - told["final_tokens"]
    assert told["compression_ratio"] == pytest.approx(told["tokens_saved"] / told["initial_tokens"])
    assert told["entries_compressed"] == sum(told[f"entries_{way}"] for way in ("archived", "summarized", "extracted"))
    assert store.entries[-3:] == before[-3:] and store.entries[0] == before[0] and told["protected_entries"] == 4
    assert restore(store).entries == before and told["restorable"] == told["entries_compressed"]


def test_nothing_is_done_where_there_is_room(store):
    before = store.entries
    assert MemoryCompressor(99_999).compress(store).strategy == "none" and store.entries == before


@pytest.mark.parametrize(("budget", "recent"), [(0, 3), (30, 3), (400, 99)])
def test_protected_part_that_is_too_large_is_said_and_nothing_changes(store, budget, recent):
    before = store.entries
    with pytest.raises(UsageError, match=r"protected part alone has \d+"):
        MemoryCompressor(budget, recent).compress(store)
    assert store.entries == before


def test_budget_of_nothing_is_met_where_nothing_is_protected():
    store = MemoryStore()
    store.add("user", "hello")
    assert MemoryCompressor(0, protected_recent=0).compress(store).final_tokens == 0
    assert restore(store).entries[0].content == "hello"


def test_counter_that_charges_for_no_text_misses_no_budget(store):
    flat = MemoryStore(counter=TokenCounter("flat", True, lambda text: 7))
    flat.add_entries(store.entries)
    before = flat.entries
    kept = 3 + 4 * (4 + 7)
    assert MemoryCompressor(kept, 3).compress(flat).final_tokens == kept
    assert restore(flat).entries == before
    with pytest.raises(UsageError, match="protected part alone has"):
        MemoryCompressor(kept - 1, 3).compress(flat)


@pytest.mark.parametrize(
    "count", [lambda t: (len(t) + 1) // 2, lambda t: len(t) // 4 + 10, lambda t: len(t) + 50 * ("\n" in t)]
)
def test_counter_that_does_not_add_up_is_obeyed(store, count):
    odd = MemoryStore(counter=TokenCounter("odd", True, count))
    odd.add_entries(store.entries)
    for share in (0.8, 0.5, 0.25):
        budget = int(odd.token_total() * share)
        assert MemoryCompressor(budget, 1).compress(odd).final_tokens <= budget
    assert odd.token_total() == 3 + sum(4 + count(entry.text) for entry in odd)


def test_strategies_that_are_not_enough_are_an_error_that_says_how_far_they_come(store):
    before = store.entries
    with pytest.raises(UsageError, match=r"summarize leaves every message a place .* \d+ tokens"):
        MemoryCompressor(200, strategies=["summarize"]).compress(store)
    assert store.entries == before


@pytest.mark.parametrize("lm", [None, scripted_lm(lambda prompt: reply())], ids=["rules", "model"])
def test_progress_that_raises_leaves_the_store_as_it_was(store, lm):
    before, tokens = store.entries, store.token_total()

    def stop(done, total):
        raise InterruptedError

    for budget in (1000, 300):
        with pytest.raises(InterruptedError), dspy.context(lm=lm):
            MemoryCompressor(budget).compress(store, stop)
    assert store.entries == before and store.token_total() == tokens


def test_model_summarizes_windows_in_few_calls_and_is_named(store):
    gist = "The host db7.internal listens on port 5007."
    before, lm = store.entries, scripted_lm(lambda prompt: reply(gist))
    with dspy.context(lm=lm):
        report = MemoryCompressor(600).compress(store)
    assert report.answered_by == "model" and report.fallbacks == 0 and report.final_tokens <= 600
    assert 1 <= len(lm.engine.prompts) <= 4, "two windows, and each reply is read in two forms"
    live = [entry for entry in store if entry.role == "compressed"]
    assert gist in live[0].content and restore(store).entries == before


LIE = reply("Bob Marley of zeus.example.com paid $9,999,999.", [{"text": "Bob Marley chose 77 llamas", "turns": [9999]}])


@pytest.mark.parametrize(
    "said", [LIE, reply("word " * 30), reply("w " * 9000), reply(facts=[{"text": "x" * 90, "turns": []}] * 4)]
)
def test_what_the_model_invents_is_dropped_and_the_budget_is_met(store, said):
    before = store.entries
    with dspy.context(lm=scripted_lm(lambda prompt: said)):
        assert MemoryCompressor(500).compress(store).final_tokens <= 500
    live = "\n".join(entry.content for entry in store)
    assert not [lie for lie in ("Marley", "zeus", "9,999", "llamas") if lie in live]
    assert restore(store).entries == before


@pytest.mark.parametrize("answer", [raising, lambda prompt: "I am sorry", lambda prompt: ""])
def test_model_that_fails_is_an_error_and_nothing_changes_or_a_marked_fallback(store, answer):
    before = store.entries
    with dspy.context(lm=scripted_lm(answer)):
        with pytest.raises(LanguageModelError, match=r"did not summarize turns 1 to \d+: .*fallback='extract'"):
            MemoryCompressor(600).compress(store)
        assert store.entries == before
        report = MemoryCompressor(600, fallback="extract").compress(store)
    [note] = [entry for entry in store if entry.role == "compressed"]
    assert report.answered_by == "rules" and report.fallbacks > 0 and report.failure
    assert note.metadata["fallback"] == report.failure and "listens on port" in note.content
    assert report.final_tokens <= 600 and restore(store).entries == before


def test_model_that_is_down_is_asked_once():
    store = MemoryStore()
    for number in range(400):
        store.add("user", f"Part {number}: the host db{number}.internal listens on port {number}.")
    lm = scripted_lm(raising)
    with dspy.context(lm=lm):
        report = MemoryCompressor(700, fallback="extract").compress(store)
    assert report.fallbacks > 1 and len(lm.engine.prompts) == 1


def test_client_asks_an_openai_compatible_server_with_its_key_and_model(store):
    with ChatServer(lambda prompt: reply("Every host has its port."), key="k-1") as server:
        client = LLMClient(api_key="k-1", model="tiny", base_url=server.url)
        report = MemoryCompressor(600, engine=CompressionEngine(llm_client=client)).compress(store)
    assert report.answered_by == "model" and '"model": "tiny"' in server.requests[0].replace('":"', '": "')
    assert "k-1" not in repr(client) and dspy.settings.lm is None


def test_client_with_a_wrong_key_is_an_error_and_no_stub(store):
    before = store.entries
    with ChatServer(lambda prompt: reply(), key="right") as server:
        client = LLMClient(api_key="wrong", base_url=server.url)
        with pytest.raises(LanguageModelError):
            MemoryCompressor(600, engine=CompressionEngine(llm_client=client)).compress(store)
    assert store.entries == before


@pytest.mark.parametrize("client", [LLMClient(mock=True, api_key="k"), LLMClient()])
def test_client_with_nothing_to_call_leaves_it_to_the_rules(store, monkeypatch, client):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    report = MemoryCompressor(600, engine=CompressionEngine(llm_client=client)).compress(store)
    assert report.answered_by == "rules" and report.final_tokens <= 600


def test_the_published_example_runs(store):
    compressor = MemoryCompressor(
        token_budget=800, protected_recent=3, engine=CompressionEngine(llm_client=LLMClient(mock=True))
    )
    curve = ForgettingCurve(compression_interval_turns=10, compression_threshold_tokens=6000)
    assert curve.should_compress(store)
    report = compressor.compress(store)
    curve.mark_compressed(store)
    assert not curve.should_compress(store) and 0.4 < report.compression_ratio < 0.6


def test_ten_thousand_entries_take_seconds_and_keep_the_facts():
    store = MemoryStore()
    for number in range(10_000):
        store.add("user", f"I looked at part {number} again and found nothing unusual so far, so I go on with the next. " * 3)
    for number in range(20):
        store.update_entry(store.entries[number * 450].id, content=f"Anna Berg decided that room {number} costs ${number},500.")
    started = time.process_time()
    report = MemoryCompressor(4000).compress(store)
    assert time.process_time() - started < 5
    live = "\n".join(entry.content for entry in store)
    assert report.final_tokens <= 4000 and sum(f"${number},500" in live for number in range(20)) >= 16


@pytest.mark.parametrize("strategy", ["summarize", "extract_facts"])
def test_model_is_asked_by_every_strategy_and_facts_are_a_list(store, strategy):
    said = reply("The host db9.internal listens on port 5009.", [{"text": "db7.internal listens on port 5007", "turns": [8]}])
    entry = next(entry for entry in store if "port 5007" in entry.content)
    with dspy.context(lm=scripted_lm(lambda prompt: said)):
        report = MemoryCompressor(600, strategies=[strategy]).compress(store)
        one = getattr(CompressionEngine(), strategy)(entry.model_copy(update={"content": entry.content * 4}))
    assert report.answered_by == one.metadata["answered_by"] == "model" and strategy in report.strategy
    live = next(entry.content for entry in store if entry.role == "compressed")
    assert "db7.internal listens on port 5007" in live
    assert ("The host db9.internal listens on port 5009." in live) <= (strategy == "summarize")


def test_a_reply_of_thousands_of_brackets_is_one_line(store):
    before = store.entries
    with dspy.context(lm=scripted_lm(lambda prompt: "[" * 50_000)):
        with pytest.raises(LanguageModelError, match=r"did not summarize .* nested too deeply"):
            MemoryCompressor(500).compress(store)
        assert store.entries == before
        assert MemoryCompressor(500, fallback="extract").compress(store).fallbacks >= 1

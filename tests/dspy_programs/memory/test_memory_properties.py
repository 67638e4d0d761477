"""Any entries, any budget: what the memory compressor holds. MEMORY_CASES sets how many cases; 100 by default."""

import json
import os
import string

from hypothesis import HealthCheck, given, settings, strategies as st

from dspy_programs.errors import UsageError
from dspy_programs.memory import (
    ContextBuilder,
    ContextConfig,
    MemoryCompressor,
    MemoryEntry,
    MemoryStore,
    restore,
)
from dspy_programs.memory.originals import original_of
from dspy_programs.memory.sending.chat import chat_messages
from dspy_programs.memory.sending.sent import sent_tokens
from dspy_programs.memory.store_file import as_bytes, from_content, save
from dspy_programs.memory.units import protected, units
from dspy_programs.text import approximate_tokens
from dspy_programs.tokens import APPROXIMATE

CASES = settings(
    max_examples=int(os.environ.get("MEMORY_CASES", "100")),
    deadline=None,
    derandomize="MEMORY_CASES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
PHRASES = ["Maria decided to use PostgreSQL. ", "Step 7: all is well. ", "决定用缓存。", "x = f(41)\n", '{"a": [1, 2]}', "ok "]
CONTENT = st.one_of(
    st.lists(st.sampled_from(PHRASES), max_size=12).map("".join),
    st.text(alphabet=string.printable + "é\u4e2d\ud800\u2028\x00", max_size=300),
    st.text(max_size=80),
)


@st.composite
def sessions(draw):
    """Entries of every role; calls with none, some or all of their results, at any distance, ids used again."""
    entries = []
    for turn in range(draw(st.integers(0, 25))):
        role = draw(st.sampled_from(["system", "user", "user", "assistant", "assistant", "tool", "call", "compressed"]))
        metadata = {}
        if role == "call":
            ids = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2))
            metadata = {"tool_calls": [{"id": i, "function": {"name": "f", "arguments": '{"q": 1}'}} for i in ids]}
            role = "assistant"
        elif role == "tool" and draw(st.booleans()):
            metadata = {"tool_call_id": draw(st.sampled_from("abcd"))}
        entries.append(
            MemoryEntry(
                id=f"e{turn}", role=role, content=draw(CONTENT), turn_number=turn, timestamp=float(turn), metadata=metadata
            )
        )
    return entries


def stored(entries):
    store = MemoryStore(counter=APPROXIMATE)
    store.add_entries(entries)
    return store


@CASES
@given(sessions(), st.integers(0, 400), st.integers(0, 4))
def test_compress_holds_what_it_promises(entries, budget, recent):
    store = stored(entries)
    kept = [entries[index] for index in sorted(protected(entries, units(entries), recent))]
    try:
        report = MemoryCompressor(budget, recent, now=lambda: 0.0).compress(store)
    except UsageError as error:
        assert stored(kept).token_total() > budget and "protected part alone has" in str(error)
        assert store.entries == entries
        return
    messages = chat_messages(store)
    sent = store.opening * bool(messages) + sum(sent_tokens(message, APPROXIMATE) for message in messages)
    assert sent <= store.token_total() == report.final_tokens <= min(budget, stored(entries).token_total())
    live = store.entries
    assert all(is_kept(entry, store.get_entry(entry.id)) for entry in kept)
    assert recent == 0 or [entry.id for entry in live[-recent:]] == [entry.id for entry in entries[-recent:]]
    assert [e for e in live if e.role == "system"] == [e for e in entries if e.role == "system"]
    assert [entry.turn_number for entry in live] == sorted(entry.turn_number for entry in live)
    assert restore(store).entries == entries
    assert_pairs_whole(live)


def is_kept(entry, now):
    """Whether a protected entry is as it was, or a shorter result of the same call."""
    if now == entry:
        return True
    shorter = approximate_tokens(now.text) < approximate_tokens(entry.text)
    return entry.role == now.role == "tool" and now.answers == entry.answers and shorter


def assert_pairs_whole(live):
    """Each call whose result was there is with it, or gone with it; so is each result."""
    originals = [original_of(record) for entry in live for record in entry.compression_history if entry.role == "compressed"]
    for unit in units(sorted({entry.id: entry for entry in originals}.values(), key=lambda entry: entry.turn_number)):
        assert unit
    whole = [entry for entry in live if entry.role != "compressed" or not entry.compression_history]
    everything = sorted([*whole, *originals], key=lambda entry: entry.turn_number)
    gone = {entry.id for entry in originals}
    for unit in units(everything):
        assert len({everything[index].id in gone for index in unit}) == 1


@CASES
@given(sessions(), st.lists(st.tuples(st.integers(0, 300), CONTENT), min_size=1, max_size=4))
def test_rounds_of_compressing_and_saving_lose_nothing(tmp_path_factory, entries, rounds):
    store, known = stored(entries), list(entries)
    path = tmp_path_factory.mktemp("memory") / "m.json"
    for number, (budget, said) in enumerate(rounds):
        try:
            MemoryCompressor(budget, 1, now=lambda: 0.0).compress(store)
        except UsageError:
            pass
        save(store, path)
        again = from_content(json.loads(path.read_bytes()), path, APPROXIMATE).store
        assert again.entries == store.entries
        save(again, path)
        store = again
        known.append(MemoryEntry(id=f"r{number}", role="user", content=said, turn_number=100 + number, timestamp=0.0))
        store.add_entry(known[-1])
    assert restore(store).entries == known


@CASES
@given(sessions(), st.integers(0, 300), st.integers(0, 4), st.one_of(st.none(), st.text(max_size=60)))
def test_context_is_within_its_tokens_and_fit_for_a_chat_api(entries, most, recent, system):
    store = stored(entries)
    builder = ContextBuilder(ContextConfig(max_tokens=most, protected_recent=recent, system_message_reserve=20))
    try:
        text = builder.build_context(store, system)
        assert approximate_tokens(text) <= most
        assert builder.verify_recent_protected(store, text)
    except UsageError as error:
        assert "alone have" in str(error)
    try:
        messages = builder.build_messages(store, system)
    except UsageError:
        return
    assert sum(approximate_tokens(str(message["content"] or "")) for message in messages) <= most
    assert {message["role"] for message in messages} <= {"system", "user", "assistant", "tool"}
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
        else:
            assert not waiting
            waiting = [call["id"] for call in message.get("tool_calls", [])]
    assert not waiting


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=12,
)
KEYS = ["version", "encoding_name", "entries", "positions", "originals", "extra"]


@CASES
@given(st.one_of(JSON, st.fixed_dictionaries({"entries": st.lists(JSON, max_size=3)}, optional=dict.fromkeys(KEYS[3:], JSON))))
def test_any_json_is_a_memory_or_one_clear_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "x.json"
    try:
        store = from_content(content, path, APPROXIMATE).store
    except UsageError as error:
        assert str(error).startswith(f"{path}: ") or "entry" in str(error)
    else:
        assert as_bytes({"entries": [entry.content for entry in store]})

"""The context of a prompt: within its tokens as a chat API counts them, roles it takes, pairs whole."""

import json

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.memory import ContextBuilder, ContextConfig, MemoryCompressor, MemoryStore, store_of
from dspy_programs.memory.sending.sent import sent_tokens
from dspy_programs.tokens import TokenCounter

CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": "rows"}'}}
OTHER = {"id": "c2", "type": "function", "function": {"name": "count", "arguments": "{}"}}
WITH_TOOLS = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "How many rows?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL, OTHER]},
    {"role": "tool", "tool_call_id": "c2", "name": "count", "content": "4711"},
    {"role": "tool", "tool_call_id": "c1", "name": "find", "content": "orders"},
    {"role": "assistant", "content": "There are 4711."},
]


def builder(max_tokens, **config):
    return ContextBuilder(ContextConfig(max_tokens=max_tokens, **config))


@pytest.mark.parametrize("max_tokens", [120, 400, 1000, 9000])
@pytest.mark.parametrize("system", [None, "You help."])
def test_real_tokens_are_within_the_limit_and_most_of_it_is_used(store, max_tokens, system):
    MemoryCompressor(1300).compress(store)
    made = builder(max_tokens)
    text = made.build_context(store, system)
    stats = made.get_context_stats(store, system)
    assert store.count_tokens(text) == stats["total_tokens"] <= max_tokens
    assert stats["entries_excluded"] == 0 or stats["total_tokens"] > max_tokens - 100
    messages = made.build_messages(store, system)
    assert store.opening + sum(sent_tokens(message, store.counter) for message in messages) <= max_tokens


def test_cjk_is_within_the_limit():
    store = MemoryStore()
    for number in range(40):
        store.add("user", f"第{number}步：数据库的端口是{5000 + number}，没有别的要说。" * 5)
    text = builder(1000).build_context(store)
    assert 700 < store.count_tokens(text) <= 1000 and store.entries[-1].content in text


def test_recent_and_system_entries_are_in_word_for_word_and_in_order(store):
    made = builder(200, protected_recent=3)
    text = made.build_context(store)
    assert made.verify_recent_protected(store, text) and text.startswith("system: Never delete a table.")
    assert not made.verify_recent_protected(store, text[:-1])
    places = [text.index(entry.content) for entry in store.get_recent(3)]
    assert places == sorted(places)


def test_none_protected_is_not_an_empty_context(store):
    made = builder(100, protected_recent=0)
    assert store.entries[-1].content in made.build_context(store)
    assert made.verify_recent_protected(store, "")


def test_more_protected_than_there_is_takes_all(store):
    assert builder(9000, protected_recent=999).get_context_stats(store)["entries_included"] == 61


def test_protected_part_that_is_too_large_is_said_with_its_tokens(store):
    with pytest.raises(UsageError, match=r"max_tokens is 10, .* alone have \d+"):
        builder(10).build_context(store)


def test_reserve_keeps_room_for_a_system_message_that_comes_later_and_for_none_that_is_here(store):
    spare, full = builder(600, system_message_reserve=300), builder(600)
    assert spare.get_context_stats(store)["total_tokens"] <= 300 < full.get_context_stats(store)["total_tokens"]
    assert spare.build_context(store, "Hi.") == full.build_context(store, "Hi.")
    assert full.get_context_stats(store, "Hi.")["total_tokens"] > 550


def test_large_message_is_left_out_and_not_all_before_it():
    store = MemoryStore()
    for number in range(200):
        store.add("user" if number % 2 else "assistant", "log line " * 2000 if number == 195 else f"Step {number} is done.")
    made = builder(4000)
    assert made.get_context_stats(store)["entries_included"] == 199
    assert len(made.build_messages(store)) >= 199


@pytest.mark.parametrize("limit", [300, 600, 1200])
def test_note_and_newest_messages_share_the_room(limit):
    store = MemoryStore()
    facts = [f"The code of room {n} is {1000 + n}." for n in range(60)]
    store.add("compressed", "[Earlier, shortened: turns 1 to 60]\n" + "\n".join(facts))
    for number in range(100):
        store.add("user" if number % 2 else "assistant", f"Step {number} took {number} minutes, and nothing else happened.")
    messages = builder(limit).build_messages(store)
    note = next(message for message in messages if "Earlier" in message["content"])
    assert sum(fact in note["content"] for fact in facts) >= limit // 40
    assert all(line in facts for line in note["content"].splitlines()[1:])
    later = [message["content"] for message in messages if message["content"].startswith("Step")]
    assert later == [entry.content for entry in store.get_recent(len(later))] and len(later) >= limit // 50


def test_short_note_takes_no_more_than_it_has():
    store = MemoryStore()
    store.add("compressed", "[Earlier, shortened: turns 1 to 9]\nThe port is 5000.")
    for number in range(300):
        store.add("user", f"Step {number} took {number} minutes, and nothing else happened.")
    stats = builder(1000).get_context_stats(store)
    assert stats["total_tokens"] > 970 and "5000" in builder(1000).build_context(store)


def test_same_memory_gives_the_same_context(store):
    MemoryCompressor(900).compress(store)
    assert builder(500).build_context(store) == builder(500).build_context(store)
    assert builder(500).build_messages(store) == builder(500).build_messages(store)


def test_messages_have_roles_of_a_chat_and_calls_with_all_their_results(store):
    made = builder(900)
    MemoryCompressor(700).compress(store)
    assert {message["role"] for message in made.build_messages(store)} <= {"system", "user", "assistant", "tool"}
    tools = made.build_messages(store_of(WITH_TOOLS).store)
    assert [message["role"] for message in tools] == ["system", "user", "assistant", "tool", "tool", "assistant"]
    assert tools[2]["tool_calls"] == [CALL, OTHER]
    assert [(message["tool_call_id"], message["content"]) for message in tools[3:5]] == [("c1", "orders"), ("c2", "4711")]


@pytest.mark.parametrize("max_tokens", range(30, 110, 5))
def test_calls_are_never_parted_from_results(max_tokens):
    store = store_of([*WITH_TOOLS, {"role": "user", "content": "Thanks."}]).store
    messages = builder(max_tokens, protected_recent=1).build_messages(store)
    asked = {call["id"] for message in messages for call in message.get("tool_calls", [])}
    assert asked == {message["tool_call_id"] for message in messages if message["role"] == "tool"}


def test_result_without_its_call_is_no_tool_message():
    session = [{"role": "tool", "tool_call_id": "zz", "content": "42 rows"}, {"role": "user", "content": "And?"}]
    messages = builder(100).build_messages(store_of(session).store)
    assert messages[0]["role"] == "user" and "42 rows" in messages[0]["content"]


def test_counter_that_does_not_add_up_is_obeyed(store):
    odd = MemoryStore(counter=TokenCounter("odd", True, lambda text: len(text) // 4 + 7 * text.count("\n")))
    odd.add_entries(store.entries)
    for limit in (150, 300, 700):
        assert odd.count_tokens(builder(limit).build_context(odd)) <= limit


def test_template_and_separator_are_used_and_a_wrong_template_is_refused(store):
    text = builder(200, format_template="<{role}> {content}", separator="\n--\n").build_context(store)
    assert text.startswith("<system> Never delete a table.\n--\n<")
    with pytest.raises(UsageError, match="format_template"):
        builder(200, format_template="{nobody}")


def test_context_is_plain_data(store):
    messages = builder(500).build_messages(store)
    assert messages and json.loads(json.dumps(messages)) == messages


def test_entry_of_the_role_compressed_with_calls_stays_with_its_results():
    store = MemoryStore()
    store.add("compressed", "It was long. " * 40, metadata={"tool_calls": [CALL]})
    store.add("tool", "4711", metadata={"tool_call_id": "c1"})
    store.add("user", "And now?")
    assert [message["content"] for message in builder(40, protected_recent=1).build_messages(store)] == ["And now?"]

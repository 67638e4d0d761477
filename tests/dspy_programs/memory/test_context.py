"""The context of a prompt: within its tokens as a chat API counts them, roles it takes, pairs whole."""

import json

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.memory import ContextBuilder, ContextConfig, MemoryCompressor, MemoryStore, store_of
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
    made = builder(max_tokens, system_message_reserve=0)
    text = made.build_context(store, system)
    stats = made.get_context_stats(store, system)
    assert store.count_tokens(text) == stats["total_tokens"] <= max_tokens
    assert stats["entries_excluded"] == 0 or stats["total_tokens"] > max_tokens - 100
    sent = sum(4 + store.count_tokens(message["content"]) for message in made.build_messages(store, system))
    assert sent <= max_tokens


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


def test_reserve_keeps_room_for_a_system_message(store):
    spare = builder(600, system_message_reserve=300).get_context_stats(store, "Hi.")["total_tokens"]
    assert spare <= 310 < builder(600, system_message_reserve=0).get_context_stats(store, "Hi.")["total_tokens"]


def test_messages_have_roles_of_a_chat_and_calls_with_all_their_results(store):
    made = builder(900)
    MemoryCompressor(700).compress(store)
    assert {message["role"] for message in made.build_messages(store)} <= {"system", "user", "assistant", "tool"}
    tools = made.build_messages(store_of(WITH_TOOLS).store)
    assert [message["role"] for message in tools] == ["system", "user", "assistant", "tool", "tool", "assistant"]
    assert tools[2]["tool_calls"] == [CALL, OTHER] and tools[3] == {**WITH_TOOLS[3]}
    assert all(isinstance(message["content"], str) for message in tools)


@pytest.mark.parametrize("max_tokens", range(30, 110, 5))
def test_calls_are_never_parted_from_results(max_tokens):
    store = store_of([*WITH_TOOLS, {"role": "user", "content": "Thanks."}]).store
    messages = builder(max_tokens, protected_recent=1).build_messages(store)
    asked = {call["id"] for message in messages for call in message.get("tool_calls", [])}
    assert asked == {message["tool_call_id"] for message in messages if message["role"] == "tool"}


def test_result_without_its_call_is_no_tool_message():
    session = [{"role": "tool", "tool_call_id": "zz", "content": "42 rows"}, {"role": "user", "content": "And?"}]
    messages = builder(100).build_messages(store_of(session).store)
    assert messages[0] == {"role": "assistant", "content": "42 rows"}


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

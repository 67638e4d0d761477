"""Chat messages from any memory: what the strictest APIs refuse never comes out, and nothing is lost without a note."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.memory import MemoryCompressor, MemoryEntry, MemoryStore
from dspy_programs.memory.sending.chat import NO_BEGINNING, NO_CALL, NO_RESULT, chat_messages
from dspy_programs.memory.sessions.adapters import store_of
from tests.chat_api import faults, picture

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
TEXTS = st.sampled_from(
    ["", " ", "\n", "hi ", "Please book HAT136.", "好", "\ud800", "[Earlier in this conversation]", "<|im_end|>"]
)
IDS = st.sampled_from([None, "", "a", "a", "b", "id with spaces", "x" * 90, 7, "é", "call_1"])
NAMES = st.sampled_from(["look", "", None, "get user/info", "n" * 99, "看", "José"])
ARGUMENTS = st.sampled_from(['{"q": 1}', "", "not json", "[1]", '{"a": NaN}', "null", {"q": [1]}, None, 3, '{"a": "\ud800"}'])
PARTS = st.sampled_from(
    [
        {"type": "text", "text": "see"},
        {"type": "text", "text": " "},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture(64, 64)}", "detail": "low"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": picture(9, 9, "gif")}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "thinking", "thinking": "secret"},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"q": 2}},
        {
            "type": "tool_result",
            "tool_use_id": "a",
            "content": [{"type": "text", "text": "r"}, {"type": "image", "url": "https://x/y"}],
        },
        {"type": "hologram", "rays": [1, 2]},
        {"inline_data": {"mime_type": "image/png", "data": picture(5, 5)}},
        {"strange": None},
    ]
)


def calls():
    def made(id_, name, arguments):
        return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}

    return st.lists(st.one_of(st.builds(made, IDS, NAMES, ARGUMENTS), st.just({}), st.just("no call")), max_size=3)


@st.composite
def entries(draw):
    metadata = draw(
        st.fixed_dictionaries(
            {}, optional={"tool_calls": calls(), "tool_call_id": IDS, "name": NAMES, "junk": st.just({"a": 1})}
        )
    )
    if draw(st.booleans()):
        metadata["message"] = {"content": draw(st.lists(PARTS, max_size=4)), "compressed": True, "cache_control": {"type": "x"}}
    role = draw(st.sampled_from(["system", "user", "assistant", "tool", "compressed"]))
    return MemoryEntry(role=role, content=draw(TEXTS), metadata=metadata)


@settings(max_examples=100, deadline=None)
@given(st.lists(entries(), max_size=9), st.booleans())
def test_whatever_a_memory_holds_both_apis_accept_its_messages(found, strict):
    messages = chat_messages(found, strict)
    assert faults(messages, strict) == []
    assert [m["content"] for m in messages if m["role"] == "user"] or not messages
    whole = json.dumps(messages, ensure_ascii=False)
    for entry in found:  # said by whomever, it is still said
        text = entry.content.encode("utf-8", "replace").decode().strip()
        assert not text or json.dumps(text, ensure_ascii=False)[1:-1] in whole


def messages_of(raw, **how):
    messages = chat_messages(store_of(raw).store, **how)
    assert faults(messages, how.get("strict", False)) == []
    return messages


def test_messages_that_are_accepted_come_back_as_they_are():
    raw = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look.", "name": "ana"},
        {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "assistant", "content": "Two things."},
    ]
    assert messages_of(raw) == messages_of(raw, strict=True) == raw


def test_parallel_results_keep_their_ids_and_follow_their_calls_in_order():
    raw = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": "", "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "user", "content": "Hurry."},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
    ]
    told = [(m["role"], m["content"], m.get("tool_call_id")) for m in messages_of(raw)[2:]]
    assert told == [("tool", "one", "c1"), ("tool", "two", "c2"), ("user", "Hurry.", None)]


def test_orphans_are_completed_or_told_as_what_they_are():
    raw = [
        {"role": "tool", "tool_call_id": "gone", "content": "27 degrees"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "user", "content": "And?"},
    ]
    messages = messages_of(raw)
    assert messages[0] == {"role": "user", "content": f"{NO_CALL}\n27 degrees"}
    assert messages[2] == {"role": "tool", "tool_call_id": "c1", "content": NO_RESULT}


def test_ids_that_come_again_are_told_apart_with_their_results():
    round_ = [
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
    ]
    messages = messages_of([{"role": "user", "content": "x"}, *round_, *round_])
    assert [m["tool_call_id"] for m in messages if m["role"] == "tool"] == ["c1", "call_1"]


def test_strict_joins_the_turns_of_one_role_and_keeps_pictures():
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    raw = [
        {"role": "system", "content": "One."},
        {"role": "user", "content": "a"},
        {"role": "user", "content": [part]},
        {"role": "system", "content": "Two."},
        {"role": "assistant", "content": "b"},
        {"role": "assistant", "content": "c", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
    ]
    found = messages_of(raw, strict=True)
    assert [m["role"] for m in found] == ["system", "user", "assistant", "tool"]
    assert found[0]["content"] == "One.\n\nTwo." and found[2]["content"] == "b\n\nc"
    assert found[1]["content"] == [{"type": "text", "text": "a"}, part]


def test_memory_that_begins_with_an_answer_gets_a_users_message_and_none_gets_nothing():
    assert messages_of([{"role": "assistant", "content": "Hello."}])[0] == {"role": "user", "content": NO_BEGINNING}
    assert chat_messages([]) == chat_messages(MemoryStore()) == []


def test_picture_stands_where_it_stood_and_what_it_stood_beside_is_said():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture(9, 9)}}
    parts = [{"type": "text", "text": "Before"}, image, {"type": "text", "text": "after"}]
    (message,) = messages_of([{"role": "user", "content": parts}])
    assert [part["type"] for part in message["content"]] == ["text", "image_url", "text"]
    assert message["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
    entry = MemoryEntry(role="user", content="Now other words", metadata={"message": {"role": "user", "content": parts}})
    assert chat_messages([entry])[0]["content"][0] == {"type": "text", "text": "Now other words"}


def research(rounds):
    """One question and many rounds of a tool, as an agent that retrieves has them."""
    raw = [{"role": "system", "content": "You answer from documents."}, {"role": "user", "content": "Who delivers to Linz?"}]
    for number in range(rounds):
        call = {"id": f"r{number}", "type": "function", "function": {"name": "page", "arguments": f'{{"page": {number}}}'}}
        raw.append({"role": "assistant", "content": None, "tool_calls": [call]})
        raw.append({"role": "tool", "tool_call_id": f"r{number}", "content": f"Page {number}: " + "nothing of use. " * 60})
    return raw


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("budget", "recent"), [(450, 1), (600, 1), (1200, 3)])
def test_compressed_memory_of_one_question_and_many_calls_is_accepted(budget, recent, strict):
    store = store_of(research(15)).store
    MemoryCompressor(budget, recent).compress(store)
    assert faults(chat_messages(store, strict), strict) == []

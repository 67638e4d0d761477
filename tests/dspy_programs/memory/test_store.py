"""The store: what it counts, finds and refuses."""

import json

import pytest
from pydantic import ValidationError

from dspy_programs.errors import UsageError
from dspy_programs.memory import MemoryEntry, MemoryStore
from dspy_programs.tokens import TokenCounter

FRAME, ONCE = 4, 3  # of a message, of a request, in OpenAI's form


def counting():
    """Return a store whose counter writes down what it is asked, and that list."""
    asked = []

    def count(text):
        asked.append(text)
        return len(text)

    return MemoryStore(counter=TokenCounter("letters", True, count)), asked


def test_total_follows_every_change_and_each_text_is_counted_once():
    store, asked = counting()
    first = store.add("user", "aaaa")
    second = store.add("assistant", "bb")
    assert store.token_total() == 6 + 2 * FRAME + ONCE
    store.update_entry(first.id, content="a")
    assert store.token_total() == 3 + 2 * FRAME + ONCE
    assert store.remove_entry(second.id) and not store.remove_entry(second.id)
    assert store.token_total() == store.entry_tokens(store.entries[0]) + ONCE == 1 + FRAME + ONCE
    assert asked == ["aaaa", "bb", "a"]
    store.clear()
    assert (len(store), store.token_total(), store.last_turn) == (0, 0, 0)


def test_calls_of_tools_are_counted_with_the_content():
    store, asked = counting()
    call = {"id": "c", "function": {"name": "find", "arguments": '{"q": 1}'}}
    store.add("assistant", "", tool_calls=None, metadata={"tool_calls": [call]})
    assert [json.loads(text) for text in asked] == [[{"id": "c", "type": "function", "function": call["function"]}]]


def test_recent_entries_come_in_order_and_none_for_zero():
    store = MemoryStore()
    entries = [store.add("user", str(number)) for number in range(5)]
    assert store.get_recent(2) == entries[3:] and store.get_recent(9) == entries
    assert store.get_recent(0) == [] == store.get_recent(-1)
    assert [entry.turn_number for entry in entries] == [1, 2, 3, 4, 5]


def test_an_id_that_is_there_is_refused_and_changes_nothing():
    store = MemoryStore()
    entry = store.add("user", "hello")
    with pytest.raises(UsageError, match="already"):
        store.add_entry(entry)
    assert store.entries == [entry]


def test_update_keeps_id_and_place_and_checks_the_new_value():
    store = MemoryStore()
    first, _ = store.add("user", "one"), store.add("user", "two")
    new = store.update_entry(first.id, id="other", content="three", turn_number=8)
    assert store.entries[0] == new and new.id == first.id and store.last_turn == 8
    with pytest.raises(ValidationError):
        store.update_entry(first.id, role="admin")
    assert store.get_entry(first.id) == new and store.update_entry("nobody", content="") is None


@pytest.mark.parametrize("wrong", [{"role": "admin"}, {"timestamp": float("nan")}, {"timestamp": float("inf")}, {"id": ""}])
def test_what_is_no_entry_is_refused(wrong):
    with pytest.raises(ValidationError):
        MemoryEntry.model_validate({"role": "user", "content": "x", **wrong})


@pytest.mark.parametrize(("role", "read_as"), [("developer", "system"), ("human", "user"), ("ai", "assistant")])
def test_null_content_negative_turns_and_roles_of_others_are_read(role, read_as):
    entry = MemoryEntry(role=role, content=None, turn_number=-3)
    assert (entry.role, entry.content, entry.turn_number) == (read_as, "", -3)


def test_to_dict_tells_entries_and_tokens():
    store, _ = counting()
    store.add("user", "abc")
    told = store.to_dict()
    assert (told["total_entries"], told["total_tokens"], told["entries"][0]["content"]) == (1, 3 + FRAME + ONCE, "abc")
    assert set(told["entries"][0]) >= {"id", "role", "timestamp", "turn_number", "metadata", "compression_history"}

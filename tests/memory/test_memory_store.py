"""The memory of a session and its file: counts, order, originals, damage."""

import json
import os

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.memory import MemoryCompressor, MemoryEntry, MemoryStore, load, restore, save
from dspy_programs.tokens import TokenCounter

PEER_FILE = {
    "version": 1,
    "encoding_name": "cl100k_base",
    "entries": [
        {"id": "a", "content": "hello", "role": "user", "timestamp": 1.5, "turn_number": 1, "metadata": {},
         "importance_score": None, "compression_history": []},
        {"id": "b", "content": "[Summary of conversation]", "role": "compressed", "timestamp": 2.5, "turn_number": 2,
         "metadata": {"original_role": "assistant", "compression_strategy": "summarize"}, "importance_score": 0.4,
         "compression_history": [{"strategy": "summarize", "original_content": "The port is 8443.", "timestamp": 3.0,
                                  "metadata": {"k": 1}}]},
    ],
    "extra": {"last_report": {"initial_tokens": 9}},
}  # fmt: skip


class Counted:
    """A counter that remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, text):
        self.asked.append(text)
        return len(text)


def store_with(*contents, counter=None):
    store = MemoryStore(counter=counter)
    for number, content in enumerate(contents):
        store.add_entry(MemoryEntry(id=f"e{number}", role="user", content=content, turn_number=number, timestamp=float(number)))
    return store


def test_each_text_is_counted_once_however_often_the_total_is_asked():
    count = Counted()
    store = store_with("one", "two", "three", counter=TokenCounter("letters", True, count))
    assert [store.token_total() for _ in range(5)] == [11] * 5
    store.update_entry("e1", content="2")
    assert store.token_total() == 9
    assert store.remove_entry("e0") and not store.remove_entry("e0")
    assert store.token_total() == 6
    assert count.asked == ["one", "two", "three", "2"]


def test_store_finds_updates_recalls_and_clears():
    store = store_with("a", "b", "c")
    assert [entry.content for entry in store.get_recent(2)] == ["b", "c"] and store.get_recent(0) == []
    assert store.update_entry("e1", content="B").content == "B"
    assert store.update_entry("none", content="x") is None
    assert [entry.content for entry in store] == ["a", "B", "c"] and store.get_entry("e1").content == "B"
    assert store.to_dict()["total_entries"] == 3 and store.to_dict()["entries"][1]["content"] == "B"
    store.clear()
    assert len(store) == store.token_total() == 0


def test_store_refuses_an_id_twice_and_is_as_before():
    store = store_with("a")
    with pytest.raises(UsageError, match="e0"):
        store.add_entry(MemoryEntry(id="e0", role="user", content="other"))
    assert store.token_total() == store.count_tokens("a") and store.get_entry("e0").content == "a"


def test_calls_of_tools_count_as_what_a_model_reads():
    call = {"id": "c1", "function": {"name": "search", "arguments": '{"q": "oslo"}'}}
    entry = MemoryEntry(role="assistant", content=None, metadata={"tool_calls": [call]})
    assert entry.text == '\nsearch({"q": "oslo"})' and entry.call_ids == ["c1"]


def test_file_round_trip_keeps_everything_and_is_smaller_when_compressed(tmp_path):
    store = store_with(
        *[f"Step {i}: the vault {i} has code {i * 7919}. Nothing else was said here today, all is calm." for i in range(400)]
    )
    before = store.entries
    raw = save(store, tmp_path / "raw.json")
    report = MemoryCompressor(500).compress(store)
    small = save(store, tmp_path / "small.json", report.to_dict())
    assert small.stat().st_size < raw.stat().st_size
    again = load(small)
    assert again.store.entries == store.entries and again.extra["last_report"] == report.to_dict()
    assert restore(again.store).entries == before
    save(again.store, tmp_path / "again.json", again.extra["last_report"])
    assert (tmp_path / "again.json").read_bytes() == small.read_bytes()


def test_file_of_the_same_form_written_elsewhere_is_read_and_restored(tmp_path):
    path = tmp_path / "peer.json"
    path.write_text(json.dumps(PEER_FILE), encoding="utf-8")
    loaded = load(path)
    assert [entry.id for entry in loaded.store] == ["a", "b"] and loaded.extra["last_report"] == {"initial_tokens": 9}
    original = restore(loaded.store).entries[1]
    assert (original.role, original.content, original.metadata) == ("assistant", "The port is 8443.", {"k": 1})


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda c: c.update(version=2), "version"),
        (lambda c: c.update(entries=[{"role": "user"}], originals=[]), "entries[0]: content"),
        (lambda c: c.update(entries=[*c["entries"], {"role": "king", "content": ""}]), "role"),
        (lambda c: c["originals"][0].update(data="00"), "originals"),
        (lambda c: c["originals"][0].update(count=10**9), "originals"),
        (lambda c: c.update(originals=[]), "originals"),
        (lambda c: c.update(positions=[3]), "positions"),
        (lambda c: c.update(encoding_name=3), "encoding_name"),
    ],
)
def test_a_damaged_file_is_one_clear_line(tmp_path, spoil, said):
    store = store_with(*["all is well, says the log of the night, and no more"] * 30)
    MemoryCompressor(100).compress(store)
    content = json.loads(save(store, tmp_path / "m.json").read_bytes())
    spoil(content)
    (tmp_path / "m.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        load(tmp_path / "m.json")
    assert said in str(error.value) and "m.json" in str(error.value) and "\n" not in str(error.value)


def test_saving_where_there_is_no_room_leaves_the_old_file(tmp_path, monkeypatch):
    path = save(store_with("old"), tmp_path / "m.json")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        save(store_with("new"), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_half_a_surrogate_pair_survives_file_and_restore(tmp_path):
    store = store_with("caf\u00e9 \ud800 \u2028 end", *["x y z " * 30] * 5)
    before = store.entries
    MemoryCompressor(20, 0).compress(store)
    assert restore(load(save(store, tmp_path / "m.json")).store).entries == before

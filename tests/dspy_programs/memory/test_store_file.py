"""The file of a memory: round trips, small, whole or not there, and nothing in it can do harm."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import zlib

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.memory import MemoryCompressor, MemoryStore, load, restore, save
from dspy_programs.memory.packed_originals import LARGEST, dictionary

ENTRY = {"id": "a", "content": "hi", "role": "user", "timestamp": 1.0, "turn_number": 0}
PACKED = {**ENTRY, "role": "compressed", "compression_history": 1}


def test_round_trip_gives_entries_histories_positions_and_the_report(store, tmp_path):
    report = MemoryCompressor(700).compress(store)
    again = load(save(store, tmp_path / "m.json", report.to_dict()))
    assert again.store.entries == store.entries
    assert again.extra["last_report"] == report.to_dict()
    assert [again.store.position(e) for e in again.store] == [store.position(e) for e in store]
    twice = save(again.store, tmp_path / "n.json", report.to_dict())
    assert twice.read_bytes() == (tmp_path / "m.json").read_bytes()


@pytest.mark.parametrize("budget", [1200, 800, 300])
def test_compressed_file_is_smaller_than_the_raw_one_and_restores_it(store, tmp_path, budget):
    raw = save(store, tmp_path / "raw.json").read_bytes()
    MemoryCompressor(budget).compress(store)
    small = save(store, tmp_path / "small.json")
    assert small.stat().st_size < 0.9 * len(raw)
    assert save(restore(load(small).store), tmp_path / "back.json").read_bytes() == raw


def test_history_of_histories_restores_the_first_originals_in_order(store, tmp_path):
    said = store.entries
    for budget in (900, 600, 250):
        MemoryCompressor(budget).compress(store)
        store = load(save(store, tmp_path / "m.json")).store
        said.append(store.add("user", f"Then came \u6bb5\u843d \ud800 {budget}."))
    assert restore(store).entries == said


def test_file_of_the_form_without_positions_is_read_and_restored(tmp_path):
    record = {"strategy": "summarize", "original_content": "The whole text.", "timestamp": 1.0, "metadata": {"k": 1}}
    entry = {**ENTRY, "role": "compressed", "metadata": {"original_role": "tool"}, "compression_history": [record]}
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps({"version": 1, "encoding_name": "cl100k_base", "entries": [entry]}))
    original = restore(load(path).store).entries[0]
    assert (original.content, original.role, original.metadata) == ("The whole text.", "tool", {"k": 1})


@pytest.mark.parametrize(
    "records", [[{"position": 1}], [{"original_content": 4}], [{"position": 2, "original": {"role": "x"}}]]
)
def test_damaged_history_is_one_clear_line_when_it_is_restored(tmp_path, records):
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"entries": [{**ENTRY, "role": "compressed", "compression_history": records}]}))
    with pytest.raises(
        UsageError, match=r"^the history of a compressed entry is damaged \(.*\); restore the file from a backup"
    ):
        restore(load(path).store)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "not JSON"),
        (b'{"entries": [{"id": "a", "con', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"entries": 3}', "entries: missing"),
        (b'{"version": 2, "entries": []}', "version: 2"),
        (b'{"entries": [{"id": "a", "content": "x", "role": "user", "timestamp": NaN}]}', r"entries\[0\]: timestamp"),
        (json.dumps({"entries": [ENTRY, ENTRY]}).encode(), r"entries\[1\]: id: 'a' appears twice"),
        (json.dumps({"entries": [ENTRY], "positions": [-1]}).encode(), "positions"),
        (json.dumps({"entries": [ENTRY], "encoding_name": 4}).encode(), "encoding_name"),
        (json.dumps({"entries": [PACKED]}).encode(), "originals: damaged"),
        (json.dumps({"entries": [PACKED], "originals": [{"count": 1, "size": 9, "data": "\u4e2d~~"}]}).encode(), "originals"),
        (json.dumps({"entries": [PACKED], "originals": [{"count": 1, "size": -1, "data": "0"}]}).encode(), "originals"),
        (json.dumps({"entries": [PACKED], "originals": 7}).encode(), "originals"),
    ],
)
def test_broken_file_is_one_line_with_file_and_field(tmp_path, content, match):
    path = tmp_path / "m.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=match) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


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
def test_saved_file_that_is_damaged_is_one_clear_line(store, tmp_path, spoil, said):
    MemoryCompressor(300).compress(store)
    content = json.loads(save(store, tmp_path / "m.json").read_bytes())
    spoil(content)
    (tmp_path / "m.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        load(tmp_path / "m.json")
    assert said in str(error.value) and "m.json" in str(error.value) and "\n" not in str(error.value)


def test_unknown_vocabulary_is_only_a_name(tmp_path):
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"entries": [ENTRY], "encoding_name": "\ud800"}))
    assert load(path).store.token_total() > 0


def bomb(said):
    """Return a file of some kilobytes whose originals unpack to far more than they say."""
    packer = zlib.compressobj(9, zdict=dictionary([PACKED]))
    data = b"".join(packer.compress(b" " * 1_000_000) for _ in range(50)) + packer.flush()
    return {"entries": [PACKED], "originals": [{"count": 1, "size": said, "data": base64.b85encode(data).decode()}]}


@pytest.mark.parametrize("said", [1000, LARGEST + 1])
def test_bomb_is_refused_before_it_unfolds(tmp_path, said):
    path = tmp_path / "m.json"
    path.write_text(json.dumps(bomb(said)))
    started = time.process_time()
    with pytest.raises(UsageError, match="larger than"):
        load(path)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("where", ["/dev/full", "."])
def test_disk_that_takes_nothing_is_one_line(store, where):
    with pytest.raises(UsageError, match="cannot be written"):
        save(store, where)


def test_failing_replace_leaves_the_old_file_and_no_litter(store, tmp_path, monkeypatch):
    path = save(store, tmp_path / "m.json")
    old = path.read_bytes()
    store.add("user", "one more")

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UsageError, match="No space left"):
        save(store, path)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["m.json"]


WRITER = """
import sys
from dspy_programs.memory import MemoryStore, save
store = MemoryStore()
for number in range(300):
    store.add("user", f"{sys.argv[2]} says {number} " * 20)
print("ready", flush=True)
while True:
    save(store, sys.argv[1])
"""


def test_two_writers_that_are_killed_leave_one_whole_memory(tmp_path):
    path = tmp_path / "m.json"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], stdout=subprocess.PIPE) for name in ("ann", "bob")
    ]
    try:
        for writer in writers:
            assert writer.stdout.readline() == b"ready\n"
        ends = time.monotonic() + 20
        while not path.exists() and time.monotonic() < ends:
            time.sleep(0.01)
        seen = {load(path).store.entries[0].content[:3] for _ in range(20)}
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
    last = load(path).store
    assert len(last) == 300 and len({entry.content[:3] for entry in last}) == 1
    assert seen <= {"ann", "bob"}


def test_empty_memory_is_saved_and_loaded(tmp_path):
    assert len(load(save(MemoryStore(), tmp_path / "m.json")).store) == 0


@pytest.mark.parametrize("text", [None, 5, ["x"], {"a": "x"}])
def test_an_original_that_is_no_text_is_damage(store, tmp_path, text):
    MemoryCompressor(400).compress(store)
    path = save(store, tmp_path / "m.json")
    content = json.loads(path.read_text())
    raws = [raw for raw in content["entries"] if type(raw.get("compression_history")) is int]
    block = content["originals"][0]
    packed = json.loads(zlib.decompressobj(zdict=dictionary(raws)).decompress(base64.b85decode(block["data"])))
    packed["texts"][0] = text
    plain = json.dumps(packed).encode()
    packer = zlib.compressobj(zdict=dictionary(raws))
    block |= {"size": len(plain), "data": base64.b85encode(packer.compress(plain) + packer.flush()).decode()}
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="originals: damaged"):
        load(path)

"""Files of memories and conversations: every encoding and line end, every layout, and what is none."""

import io
import json
import sys
from pathlib import Path

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.memory import MemoryCompressor, MemoryStore, restore, save
from dspy_programs.memory.sessions import source
from dspy_programs.memory.sessions.entries import messages_in
from dspy_programs.memory.sessions.source import read_memory
from tests.talks import DIALECTS

TALK = [("user", "Straße 7,\u2028Graz"), ("agent", "I look.", [("find", {"q": "Graz"}, "found\u2029it")]), ("user", "Danke.")]
MESSAGES = DIALECTS["openai"](TALK)
LINES = "\n".join(json.dumps(message, ensure_ascii=False) for message in MESSAGES)
WHOLE = json.dumps(MESSAGES, ensure_ascii=False, indent=1)


@pytest.mark.parametrize("text", [LINES, LINES + "\n", LINES.replace("\n", "\n\n"), WHOLE, LINES.replace("\n", " ")])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_line_end_and_layout(tmp_path, text, ends, encoding):
    path = tmp_path / "m.json"
    path.write_bytes(text.replace("\n", ends).encode(encoding))
    assert messages_in(read_memory(path).store) == MESSAGES


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_from_a_file(tmp_path, dialect):
    session = DIALECTS[dialect](TALK)
    path = tmp_path / "m.jsonl"
    lines = session if isinstance(session, list) else [session]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    store = read_memory(path).store
    assert [entry.content for entry in store if entry.role == "user"] == ["Straße 7,\u2028Graz", "Danke."]
    assert "found\u2029it" in [entry.content for entry in store if entry.role == "tool"]


def test_an_unfinished_recording_of_ours(tmp_path):
    path = tmp_path / "r.jsonl"
    lines = [{"recording": {"trace_id": "t", "original_goal": "g"}}, {"turn": {"role": "user", "content": "Hi"}}]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert [entry.content for entry in read_memory(path).store] == ["Hi"]


def test_stdin_and_one_line(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"role": "user", "content": "Hi"}')))
    assert [entry.content for entry in read_memory(Path("-")).store] == ["Hi"]


def test_a_stores_own_file_with_a_message_in_parts(tmp_path):
    path = tmp_path / "store.json"
    session = DIALECTS["anthropic"]([("user", f"Note {n} of many, as it was said.") for n in range(40)])
    session += DIALECTS["anthropic"](
        [("agent", "Both.", [("w", {"c": "Oslo"}, "4"), ("w", {"c": "Graz"}, "19")]), ("user", "Ok")]
    )
    (tmp_path / "m.json").write_text(json.dumps(session), encoding="utf-8")
    store = read_memory(tmp_path / "m.json").store
    MemoryCompressor(100, 1).compress(store)
    save(store, path)
    assert messages_in(restore(read_memory(path).store)) == session


def test_messages_that_an_earlier_edition_stored_come_back(tmp_path):
    kept = {"role": "developer", "id": "m1"}  # its content is the entry's own
    entry = {"id": "e", "role": "system", "content": "Be brief.", "metadata": {"message": kept}}
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"version": 1, "entries": [entry]}), encoding="utf-8")
    assert messages_in(read_memory(path).store) == [{**kept, "content": "Be brief."}]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"[\xff]", "not UTF-8"),
        (b'{"role": "user", "content": "x"}\n{"role": "us\n', r"m.json:2: not JSON"),
        (b'"hello"', "neither a memory"),
        (b"7", "neither a memory"),
        (b'[[{"role": "user", "content": "x"}], [{"role": "user", "content": "y"}]]', "2 conversations, expected one"),
        (b'{"messages": []}\n{"messages": []}', "2 conversations, expected one"),
        (b'{"resourceSpans": []}', "no list of messages, but the keys resourceSpans"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"entries": 3}', "entries: missing"),
        (b'[{"role": "user", "content": "x"}, {"type": "weird", "content": "y"}]', r"messages\[1\]: type: 'weird'"),
    ],
)
def test_what_is_no_memory_is_one_line_with_the_file(tmp_path, content, what):
    path = tmp_path / "m.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=what) as found:
        read_memory(path)
    assert str(found.value).startswith(str(path)) and "\n" not in str(found.value)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "m.jsonl"
    monkeypatch.setattr(source, "LARGEST", 100)
    for text in (LINES, WHOLE):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match="larger than 100 bytes"):
            read_memory(path)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_memory(tmp_path / "none.json")


def test_an_empty_list_is_an_empty_memory(tmp_path):
    (tmp_path / "m.json").write_text("[]", encoding="utf-8")
    assert len(read_memory(tmp_path / "m.json").store) == len(MemoryStore()) == 0

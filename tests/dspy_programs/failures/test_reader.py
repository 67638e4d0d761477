"""Whatever is in a file, each record becomes a trace or a problem, and the records behind it are read."""

import gzip
import io
import json
import os
import sys
import tracemalloc
import zipfile
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dspy_programs.errors import UsageError
from dspy_programs.failures import reader
from dspy_programs.failures.auto_parser import AutoParser
from dspy_programs.failures.reader import read_traces
from dspy_programs.failures.trace_files import files_in
from dspy_programs.types import Trace


def trace(name="a", **fields):
    turns = [{"turn_number": 0, "role": "user", "content": "go"}, {"turn_number": 1, "role": "assistant", "content": "done"}]
    return {"trace_id": name, "original_goal": "go", "turns": turns, **fields}


def told(items):
    return [(item.source.rpartition("/")[2], item.trace.trace_id if item.trace else item.problem) for item in items]


def lines(path, *values):
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def test_lines_are_traces_with_their_places(tmp_path):
    path = lines(tmp_path / "runs.jsonl", trace("a"), trace("b"))
    assert told(read_traces([path])) == [("runs.jsonl:1", "a"), ("runs.jsonl:2", "b")]


def test_bad_line_is_a_problem_and_not_the_end(tmp_path):
    path = tmp_path / "runs.jsonl"
    good = json.dumps(trace()).encode()
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\n{\n\n\xff\xfe\n\x00\n[1]\n" + good)
    found = told(read_traces([path]))
    assert [place for place, _ in found] == [f"runs.jsonl:{n}" for n in (1, 2, 4, 5, 6, 7)]
    assert [said[:8] for _, said in found] == ["a", "not JSON", "not UTF-", "not JSON", "not a tr", "a"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n ", "is empty"),
        (b"[", "not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"original_goal": "x", "turns": ' + b"9" * 5000 + b"}", "integer string conversion"),
        (b"[]", "an empty list"),
        (b"null", "null"),
        (b"\xff\xfe[\x00]\x00", "an empty list"),  # UTF-16
        (b"\xff\xff[]", "not UTF-8"),
        (b'{"original_goal": "x", "turns": [{"role": "user", "latency_ms": -5}]}', "turns.0.latency_ms"),
        (b'{"original_goal": "x", "turns": [{"role": "user", "latency_ms": 1e999}]}', "turns.0.latency_ms"),
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_file_without_a_trace_is_one_problem(tmp_path, content, words, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    (item,) = read_traces([path])
    assert item.trace is None
    assert words in item.problem


def test_nan_half_characters_and_deep_values_are_kept_as_text(tmp_path):
    deep = "[" * 150 + "]" * 150
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"trace_id": "a", "original_goal": "x", "turns": [{"turn_number": 0, "role": "tool", "tool_name": "f", '
        '"tool_input": {"a": NaN, "b": -Infinity, "c": "\\ud800", "d": ' + deep + "}}]}"
    )
    (item,) = read_traces([path])
    given = item.trace.turns[0].tool_input
    assert (given["a"], given["b"], given["c"]) == ("NaN", "-Infinity", "?")
    assert "nested deeper" in json.dumps(given["d"])


def test_last_of_two_equal_keys_counts(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"trace_id": "a", "trace_id": "b", "original_goal": "x", "turns": []}\n')
    assert told(read_traces([path])) == [("x.jsonl:1", "b")]


def test_line_that_is_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "LONGEST_LINE", 1000)
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(trace(final_result="x" * 5_000_000)) + "\n" + json.dumps(trace("b")) + "\n")
    assert told(read_traces([path])) == [("x.jsonl:1", "the line is longer than 1,000 bytes"), ("x.jsonl:2", "b")]


def test_file_that_is_too_large_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "LARGEST_FILE", 1000)
    path = tmp_path / "x.json"
    path.write_text(json.dumps([trace("a" * 2000)], indent=1))
    assert "larger than 1,000 bytes" in told(read_traces([path]))[0][1]


def test_json_file_holds_one_or_many_and_a_bad_one_among_them(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([trace("a"), {"original_goal": "x", "turns": 3}, trace("c")], indent=1))
    found = told(read_traces([path]))
    assert found[::2] == [("x.json#1", "a"), ("x.json#3", "c")]
    assert found[1][0] == "x.json#2"
    path.write_text(json.dumps(trace("a"), indent=1))
    assert told(read_traces([path])) == [("x.json", "a")]


def test_json_file_of_lines_is_read_by_lines(tmp_path):
    assert told(read_traces([lines(tmp_path / "x.json", trace("a"), trace("b"))])) == [("x.json:1", "a"), ("x.json:2", "b")]


def test_packed_file_is_read_and_a_broken_one_is_a_problem(tmp_path):
    packed = gzip.compress((json.dumps(trace("a")) + "\n").encode() * 100)
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    (tmp_path / "b.json.gz").write_bytes(packed[:50])
    (tmp_path / "c.json.gz").write_bytes(b"no gzip")
    found = told(read_traces([tmp_path]))
    assert len(found) == 102
    assert all("cannot be read" in said for _, said in found[100:])


def test_folder_is_walked_in_order_and_what_is_no_trace_is_counted(tmp_path):
    (tmp_path / "sub").mkdir()
    lines(tmp_path / "sub" / "c.jsonl", trace("c"))
    lines(tmp_path / "b.json", trace("b"))
    lines(tmp_path / "a.ndjson", trace("a"))
    (tmp_path / "notes.txt").write_text("no trace")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.json").symlink_to(tmp_path / "self.json")
    os.mkfifo(tmp_path / "pipe.json")
    assert [said for _, said in told(read_traces([tmp_path]))] == ["a", "b", "c"]
    assert files_in(tmp_path).skipped == 3


def test_folder_without_traces_is_a_problem(tmp_path):
    (tmp_path / "notes.txt").write_text("no trace")
    ((_, said),) = told(read_traces([tmp_path]))
    assert "no .json" in said and "1 other files" in said


def test_path_that_cannot_be_read_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "self.json").symlink_to(tmp_path / "self.json")
    for path in ("missing.json", "pipe.jsonl", "self.json", "nul\0.json"):
        with pytest.raises(UsageError, match=path.partition("\0")[0]):
            list(read_traces([tmp_path / path]))


@pytest.mark.parametrize("indent", [None, 1])
def test_stdin_is_lines_or_one_value(monkeypatch, indent):
    text = json.dumps(trace("a"), indent=indent) + "\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO((text if indent else text * 2).encode())))
    assert [said for _, said in told(read_traces(["-"]))] == ["a"] if indent else ["a", "a"]


def test_messages_one_a_line_are_one_conversation(tmp_path):
    path = lines(tmp_path / "x.jsonl", {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"})
    (item,) = read_traces([path])
    assert [turn.content for turn in item.trace.turns] == ["hi", "hello"]


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text((json.dumps(trace(final_result="x" * 2000)) + "\n") * 5000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_traces([path]))
        assert (count, tracemalloc.get_traced_memory()[1] < 2_000_000) == (5000, True)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.json.gz"])
def test_text_in_any_unicode_is_read(tmp_path, encoding, mark, name):
    whole = json.dumps(trace("Žofín", final_result="a\u2028b 中"), ensure_ascii=False)
    content = ((mark if "-le" in encoding or "-be" in encoding else "") + whole + "\n" + whole).encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    found = list(read_traces([tmp_path / name]))
    assert [(item.trace.trace_id, item.trace.final_result) for item in found] == [("Žofín", "a\u2028b 中")] * 2


def test_half_a_character_of_utf_16_at_the_end_costs_no_trace(tmp_path):
    (tmp_path / "x.jsonl").write_bytes((json.dumps(trace("a")) + "\n").encode("utf-16") + b"\x00")
    assert told(read_traces([tmp_path / "x.jsonl"]))[0] == ("x.jsonl:1", "a")


@pytest.mark.parametrize("between", ["", " ", "\n", "\n\n\x1e"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_values_one_behind_the_other_are_read(tmp_path, between, indent, name):
    if indent and name == "x.jsonl":
        return  # lines are lines
    whole = between.join(json.dumps(trace(name_), indent=indent) for name_ in "abc")
    (tmp_path / name).write_text(whole)
    assert [said for _, said in told(read_traces([tmp_path / name]))] == ["a", "b", "c"]


def test_broken_value_among_others_is_named_and_they_are_read(tmp_path):
    good = [json.dumps(trace(name), indent=1) for name in "ab"]
    (tmp_path / "x.json").write_text(good[0] + '\n{"cut": \n' + good[1])
    found = told(read_traces([tmp_path / "x.json"]))
    assert [said for _, said in found][::2] == ["a", "b"]
    assert found[1][1].startswith("not JSON: ")


def test_values_that_are_all_broken_end(tmp_path):
    (tmp_path / "x.json").write_text('{"a":\n' * 100_000)
    found = told(read_traces([tmp_path / "x.json"]))
    assert 1 < len(found) <= 20
    assert all("not" in said for _, said in found)


def test_steps_of_swe_agent_and_logs_of_inspect_are_found_in_folders(tmp_path):
    lines(tmp_path / "a.traj", trace("a"))
    archive(tmp_path / "b.eval", {"samples/1_epoch_1.json": sample("1")})
    assert [said for _, said in told(read_traces([tmp_path]))] == ["a", "1/1"]


def sample(id_, **fields):
    messages = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
    return {"id": id_, "epoch": 1, "input": "2 + 2?", "target": "4", "messages": messages, **fields}


def archive(path, members, kind=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, value in members.items():
            file.writestr(name, value if isinstance(value, (bytes, str)) else json.dumps(value))
    return path


def test_archive_is_read_with_its_task_and_a_broken_sample_is_named(tmp_path):
    head = {"eval": {"task": "sums"}, "plan": {}}
    members = {"header.json": head, "samples/a/b_epoch_1.json": sample("a/b"), "samples/c_epoch_1.json": "{", "notes.txt": "x"}
    found = told(read_traces([archive(tmp_path / "x.eval", {**members, "samples/d_epoch_1.json": {"id": 1}})]))
    assert found[0] == ("x.eval#1", "sums/a/b/1")
    assert [said.partition(":")[0] for _, said in found[1:]] == ["samples/c_epoch_1.json", "samples/d_epoch_1.json"]


def test_archive_comes_from_a_pipe_too(tmp_path, monkeypatch):
    content = archive(tmp_path / "x.eval", {"samples/1_epoch_1.json": sample("1")}).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert [said for _, said in told(read_traces(["-"]))] == ["1/1"]


def test_log_that_was_stopped_has_its_head_in_the_journal(tmp_path):
    members = {"_journal/start.json": {"eval": {"task": "t"}}, "samples/1_epoch_1.json": sample("1")}
    assert told(read_traces([archive(tmp_path / "x.eval", members)])) == [("x.eval#1", "t/1/1")]
    ((_, said),) = told(read_traces([archive(tmp_path / "y.eval", {"_journal/start.json": {}})]))
    assert "no samples" in said


def test_archive_that_is_none_of_inspect_or_packed_otherwise_says_what_to_do(tmp_path):
    assert "no log of Inspect" in told(read_traces([archive(tmp_path / "a.eval", {"x.json": {}})]))[0][1]
    packed = archive(tmp_path / "b.eval", {"samples/1_epoch_1.json": sample("1")}, zipfile.ZIP_STORED).read_bytes()
    zstd = packed.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x5d\x00")
    (tmp_path / "b.eval").write_bytes(zstd)
    ((_, said),) = told(read_traces([tmp_path / "b.eval"]))
    assert hasattr(zipfile, "ZIP_ZSTANDARD") or ("zstd" in said and "inspect log dump" in said)


@pytest.mark.parametrize("cut", [1, 40, 200, -1])
def test_archive_that_is_cut_off_is_one_problem(tmp_path, cut):
    whole = archive(tmp_path / "x.eval", {"samples/1_epoch_1.json": sample("1")}).read_bytes()
    (tmp_path / "x.eval").write_bytes(whole[:cut])
    (item,) = read_traces([tmp_path / "x.eval"])
    assert item.problem


def test_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = archive(tmp_path / "x.eval", {f"samples/{n}_epoch_1.json": b" " * 30_000_000 for n in range(3)})
    ((_, said),) = told(read_traces([path]))
    assert "unpacks to 90,000,000 bytes" in said


def test_member_that_lies_about_its_size_takes_no_memory(tmp_path):
    path = archive(tmp_path / "x.eval", {"samples/1_epoch_1.json": b" " * 50_000_000})
    small = (50_000_000).to_bytes(4, "little"), (90).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(*small))
    tracemalloc.start()
    try:
        (item,) = read_traces([path])
        assert item.problem and tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_names_in_an_archive_lead_nowhere_and_thousands_are_read(tmp_path):
    names = ["/etc/passwd", "../../samples/a_epoch_1.json", "samples/../../b_epoch_1.json", "C:\\c.json"]
    members = {name: sample("x") for name in names} | {f"samples/{n}_epoch_1.json": sample(str(n)) for n in range(3000)}
    (tmp_path / "in").mkdir()
    found = list(read_traces([archive(tmp_path / "in" / "x.eval", members)]))
    assert sum(item.trace is not None for item in found) == 3001  # the one below samples/ is read, and written nowhere
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "x.eval"]


def test_archive_with_a_password_is_a_problem(tmp_path):
    content = bytearray(archive(tmp_path / "x.eval", {"samples/1_epoch_1.json": sample("1")}).read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.eval").write_bytes(content)
    ((_, said),) = told(read_traces([tmp_path / "x.eval"]))
    assert "cannot be unpacked" in said


def test_archive_is_read_sample_by_sample(tmp_path):
    big = {f"samples/{n}_epoch_1.json": sample(str(n), store={"x": os.urandom(300_000).hex()}) for n in range(20)}
    path = archive(tmp_path / "x.eval", big)
    del big
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_traces([path])) == 20
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_damaged_archive_is_items(tmp_path, data):
    content = bytearray(archive(tmp_path / "x.eval", {"header.json": {}, "samples/1_epoch_1.json": sample("1")}).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "x.eval").write_bytes(content)
    items = list(read_traces([tmp_path / "x.eval"]))
    assert items and all((item.trace is None) != (item.problem is None) for item in items)


def test_line_in_our_own_format_is_read_as_the_parser_reads_it(tmp_path):
    value = trace(tools=["f"], is_successful=True)
    (item,) = read_traces([lines(tmp_path / "x.jsonl", value)])
    assert item.trace == AutoParser().parse(value) == Trace.model_validate(value)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40) | st.sampled_from([json.dumps(trace()).encode(), b"\n", b"[", b'{"turns":', b"\xff"])))
def test_any_bytes_are_items(tmp_path, pieces):
    for name in ("x.jsonl", "x.json", "x.json.gz"):
        (tmp_path / name).write_bytes(b"".join(pieces))
        items = list(read_traces([tmp_path / name]))
        assert items and all((item.trace is None) != (item.problem is None) for item in items)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40).map(lambda piece: piece.replace(b"\n", b" ")), max_size=5))
def test_good_lines_are_read_whatever_stands_between_them(tmp_path, pieces):
    good = json.dumps(trace("good")).encode()
    (tmp_path / "x.jsonl").write_bytes(b"\n".join([good, *(line for piece in pieces for line in (piece, good))]))
    assert sum(item.trace is not None for item in read_traces([tmp_path / "x.jsonl"])) == 1 + len(pieces)

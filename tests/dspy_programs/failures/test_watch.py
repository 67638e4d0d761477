"""What a watch gives of files that grow, change, are half written, or belong together."""

import json
import os
import time

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.failures.watch import QUIET_LOOKS, REST, Watch

TRACE = {"original_goal": "Greet", "turns": [{"turn_number": 0, "role": "agent", "content": "Hello."}]}


def text(name):
    return json.dumps({**TRACE, "trace_id": name})


def names(watch, **how):
    return [item.trace.trace_id if item.trace else item.problem for item in watch.look(**how)]


def test_lines_are_given_once_each_when_their_end_is_there(tmp_path):
    file, watch = tmp_path / "runs.jsonl", Watch(tmp_path)
    file.write_text(text("a") + "\n" + text("b")[:20])
    assert names(watch) == ["a"]
    assert names(watch) == []
    with file.open("a") as more:
        more.write(text("b")[20:] + "\n" + text("c") + "\n")
    assert [item.source for item in watch.look()] == [f"{file}:2", f"{file}:3"]


def test_json_file_is_given_when_it_is_whole_and_again_when_it_changes(tmp_path):
    file, watch = tmp_path / "run.json", Watch(tmp_path)
    file.write_text(text("a")[:30])
    assert names(watch) == []
    file.write_text(text("a"))
    assert names(watch) == ["a"]
    assert names(watch) == []
    file.write_text(text("other"))
    assert names(watch) == ["other"]


def test_json_file_that_stays_broken_is_a_problem_once(tmp_path):
    (tmp_path / "run.json").write_text("{")
    watch = Watch(tmp_path)
    looks = [names(watch) for _ in range(QUIET_LOOKS + 3)]
    assert [len(look) for look in looks] == [0] * QUIET_LOOKS + [1, 0, 0]


def test_last_look_waits_for_nothing(tmp_path):
    (tmp_path / "run.json").write_text("{")
    (tmp_path / "runs.jsonl").write_text(text("a"))
    assert len(names(Watch(tmp_path), last=True)) == 2


def test_replaced_and_shortened_files_start_anew_and_deleted_ones_are_forgotten(tmp_path):
    file, watch = tmp_path / "runs.jsonl", Watch(tmp_path)
    file.write_text(text("a") + "\n" + text("b") + "\n")
    assert names(watch) == ["a", "b"]
    file.write_text(text("c") + "\n")
    assert names(watch) == ["c"]
    (tmp_path / "new").write_text(text("d") + "\n" + text("e") + "\n")
    os.replace(tmp_path / "new", file)
    assert names(watch) == ["d", "e"]
    file.unlink()
    assert names(watch) == []
    assert watch.seen == {}


def test_unfinished_recording_is_given_after_it_rested(tmp_path):
    file, watch = tmp_path / "trace_x.jsonl", Watch(tmp_path)
    head = {"recording": {"trace_id": "x", "original_goal": "Greet"}}
    file.write_text(json.dumps(head) + "\n" + json.dumps({"turn": TRACE["turns"][0]}) + "\n")
    assert names(watch) == []
    long_ago = time.time() - REST - 1
    os.utime(file, (long_ago, long_ago))
    assert names(watch) == ["x"]
    assert names(watch) == []


def test_bad_line_is_a_problem_and_the_next_line_follows(tmp_path):
    (tmp_path / "runs.jsonl").write_text("{\n" + text("a") + "\n\n" + text("b") + "\n")
    assert [item.source.rsplit(":")[-1] for item in Watch(tmp_path).look()] == ["1", "2", "4"]


def test_watch_of_no_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        Watch(tmp_path / "none")

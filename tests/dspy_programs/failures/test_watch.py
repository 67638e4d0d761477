"""What a watch gives of files that grow, change, are half written, or belong together."""

import json
import os
import time

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.failures import FailureClassifier, Tally
from dspy_programs.failures.batch import classified
from dspy_programs.failures.watch import MOST_PROBLEMS, QUIET_LOOKS, REST, Watch

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


def told(watch, **how):
    return [(item.source.rsplit("/", 1)[-1], item.trace.trace_id if item.trace else item.problem) for item in watch.look(**how)]


def looked(watch):
    """Look until a file that is not whole counts as broken."""
    return [each for _ in range(QUIET_LOOKS + 1) for each in told(watch)]


def test_json_file_called_unreadable_is_taken_back_when_it_is_whole(tmp_path):
    file, watch = tmp_path / "run.json", Watch(tmp_path)
    file.write_text(text("a")[:30])
    ((source, problem),) = looked(watch)
    assert source == "run.json" and problem
    file.write_text(text("a"))
    assert told(watch) == [("run.json", None), ("run.json:1", "a")]
    assert told(watch) == []


def test_json_file_that_stays_broken_while_it_grows_is_called_so_once(tmp_path):
    file, watch = tmp_path / "run.json", Watch(tmp_path)
    file.write_text(text("a")[:30])
    assert len(looked(watch)) == 1
    file.write_text(text("a")[:40])
    assert looked(watch) == []
    (tmp_path / "new").write_text(f"[{text('a')},\n {text('b')}]")
    os.replace(tmp_path / "new", file)
    assert told(watch) == [("run.json", None), ("run.json#1", "a"), ("run.json#2", "b")]


def test_record_that_is_mended_in_its_file_is_taken_back_alone(tmp_path):
    file, watch = tmp_path / "runs.json", Watch(tmp_path)
    file.write_text(f"[\n{text('a')},\n{{}},\n{{}}]")
    assert [source for source, trace in looked(watch) if trace != "a"] == ["runs.json#2", "runs.json#3"]
    file.write_text(f"[\n{text('a')},\n{text('b')},\n{{}}]")
    assert looked(watch) == [("runs.json#2", None), ("runs.json#1", "a"), ("runs.json#2", "b")]


def test_lines_called_unreadable_are_taken_back_when_the_file_is_written_anew(tmp_path):
    file, watch = tmp_path / "runs.jsonl", Watch(tmp_path)
    file.write_text("{\n}\n" + text("a") + "\n")
    assert [source for source, _ in told(watch)] == ["runs.jsonl:1", "runs.jsonl:2", "runs.jsonl:3"]
    file.write_text(text("b") + "\n{\n")
    *back, (source, problem) = told(watch)
    assert back == [("runs.jsonl:1", None), ("runs.jsonl:2", None), ("runs.jsonl:1", "b")]
    assert source == "runs.jsonl:2" and problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
@pytest.mark.parametrize("name", ["run.json", "runs.jsonl"])
def test_file_that_may_not_be_read_is_called_so_once_and_taken_back_when_it_may(name, tmp_path):
    file, watch = tmp_path / name, Watch(tmp_path)
    file.write_text(text("a") + "\n")
    file.chmod(0)
    ((source, problem),) = looked(watch)
    assert source == name and "Permission denied" in problem
    file.chmod(0o600)
    assert told(watch) == [(name, None), (f"{name}:1", "a")]


def test_only_so_many_problems_are_remembered(tmp_path):
    file, watch = tmp_path / "runs.jsonl", Watch(tmp_path)
    file.write_text("{\n" * (MOST_PROBLEMS + 50))
    assert len(told(watch)) == MOST_PROBLEMS + 50
    assert len(watch.seen[file].problems) == MOST_PROBLEMS
    assert told(watch) == []


def test_tally_forgets_what_is_taken_back(tmp_path):
    file, watch, tally = tmp_path / "run.json", Watch(tmp_path), Tally()
    for content in (text("a")[:30], text("a")):
        file.write_text(content)
        for _ in range(QUIET_LOOKS + 1):
            for each in classified(watch.look(), FailureClassifier(use_llm=False)):
                tally.add(each)
    batch = tally.batch()
    assert (batch.traces, batch.unreadable, batch.problems) == (1, 0, [])


def test_watch_of_no_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        Watch(tmp_path / "none")

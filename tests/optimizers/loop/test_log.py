"""The history: appended line by line, by many at once, cut off by a kill, and read again."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dspy_programs.errors import UsageError
from optimizers.loop import Log

APPEND = """
import sys
from pathlib import Path
from optimizers.loop import Log
for number in range(50):
    Log(Path(sys.argv[1])).append({"kind": "call", "prompt": sys.argv[2], "response": "x" * 500, "score": number})
"""
ROOT = Path(__file__).resolve().parents[3]


def append_many(path, name):
    for number in range(50):
        Log(path).append({"kind": "call", "prompt": name, "response": "x" * 500, "score": number})


def test_threads_and_processes_append_whole_lines(tmp_path):
    path = tmp_path / "traces" / "history.jsonl"
    processes = [subprocess.Popen([sys.executable, "-c", APPEND, str(path), f"p{n}"], cwd=ROOT) for n in range(2)]
    threads = [threading.Thread(target=append_many, args=(path, f"t{n}")) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0]
    log = Log(path)
    scores = {}
    for line in log.lines():
        scores.setdefault(line["prompt"], []).append(line["score"])
    assert log.broken == 0
    assert scores == {name: list(range(50)) for name in ("p0", "p1", "t0", "t1")}


def test_a_line_that_was_cut_off_stays_and_the_next_one_is_whole(tmp_path):
    log = Log(tmp_path / "history.jsonl")
    log.append({"prompt": "a", "response": "b", "score": 1.0})
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + whole[:20])
    log.append({"prompt": "c", "response": "d", "score": 0.5})
    assert [line["prompt"] for line in log.lines()] == ["a", "c"]
    assert log.broken == 1
    assert log.path.read_bytes().startswith(whole + whole[:20] + b"\n")  # nothing is taken away


def test_a_warm_start_takes_the_last_prompt_that_was_put_into_use(tmp_path):
    path = tmp_path / "gepa_history.jsonl"
    lines = [
        {"prompt": "v1", "response": "r", "score": 0.2, "new_prompt": "v2"},  # as GEPA-AIME writes it
        {"prompt": "v2", "response": "r", "score": 1.0},
        {"prompt": "v2", "response": "r", "score": 0.9, "challenger": "v3", "decision": "refused"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"prompt": "v2", "new_pro')
    assert Log(path).warm_start()["new_prompt"] == "v2"


def test_without_a_file_there_is_no_history(tmp_path):
    log = Log(tmp_path / "none.jsonl")
    assert list(log.lines()) == [] and log.warm_start() is None


def test_a_place_that_is_no_file_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="cannot be"):
        Log(tmp_path).append({"prompt": "", "response": "", "score": 0})

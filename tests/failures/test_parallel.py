"""Several processes give what one gives: the same outcomes in the same order, whatever is in the files."""

import gzip
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dspy_programs.errors import ProgramsError, UsageError
from dspy_programs.failures import parallel
from dspy_programs.failures.batch import classified
from dspy_programs.failures.classifier import FailureClassifier
from dspy_programs.failures.reader import read_traces
from dspy_programs.failures.reports.lines import line_of

BAD = {"role": "tool", "tool_name": "meet", "tool_output": "hi"}


def trace(number):
    turn = {"turn_number": 0, **(BAD if number % 3 == 0 else {"role": "agent", "content": "Hello."})}
    return json.dumps({"trace_id": str(number), "original_goal": "Greet", "tools": ["greet"], "turns": [turn]})


def span(number):
    return json.dumps(
        {
            "trace_id": f"s{number % 4}",
            "span_id": str(number),
            "name": "chat",
            "start_time": number,
            "attributes": {"gen_ai.operation.name": "chat", "gen_ai.output.messages": '[{"role": "assistant", "parts": []}]'},
        }
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files that are cut in blocks of about ten lines: good, broken, odd, in parts, packed, empty."""
    monkeypatch.setattr(parallel, "BLOCK", 1500)
    rows = [trace(number) for number in range(60)]
    chat = json.dumps([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    many = {
        "a.jsonl": "\ufeff" + "\n".join(rows),
        "b.jsonl": "\n".join([*rows[:20], "{broken", "", "null", chat, f"[{rows[0]}, {rows[1]}, 7]", *rows[20:40]]) + "\n",
        "c.jsonl": "\n".join(span(number) for number in range(40)),
        "d.jsonl": "\n".join([*rows[:20], *map(span, range(20)), *rows[20:30], *map(span, range(20, 40))]),
        "e.json": f"[{rows[0]}, {rows[3]}]",
        "f.json": "{",
        "g.jsonl": "",
        "h.jsonl": "\n" * 3000,
        "other.txt": "no trace",
    }
    for name, content in many.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "i.jsonl.gz").write_bytes(gzip.compress(os.urandom(2000).hex().encode() + b"\n" + rows[0].encode()))
    (tmp_path / "j.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode())[:-8] + os.urandom(3000))
    (tmp_path / "nothing").mkdir()
    return tmp_path


def serial(paths, format=None):
    return [line_of(outcome) for outcome in classified(read_traces(paths, format), FailureClassifier(use_llm=False))]


def in_threads(monkeypatch):
    """The same way through, without the time that starting processes takes."""
    monkeypatch.setattr(parallel, "ProcessPoolExecutor", lambda jobs, *about, **more: ThreadPoolExecutor(jobs))


@pytest.mark.parametrize("format", [None, "native", "messages"])
def test_blocks_give_what_one_process_gives(folder, monkeypatch, format):
    in_threads(monkeypatch)
    paths = [folder, folder / "a.jsonl", folder / "nothing"]
    assert [line_of(outcome) for outcome in parallel.outcomes(paths, format, 3)] == serial(paths, format)


def test_blocks_cut_no_line_and_follow_each_other(folder):
    blocks = [unit for unit in parallel.units([folder / "a.jsonl"]) if isinstance(unit, parallel.Block)]
    assert len(blocks) > 3
    assert b"".join(line for block in blocks for line in block.lines) == (folder / "a.jsonl").read_bytes()[3:]
    assert [block.number for block in blocks[1:]] == [b.number + len(b.lines) for b in blocks[:-1]]


def test_line_that_is_too_long_is_a_problem_and_the_next_follows(tmp_path, monkeypatch):
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join([trace(1), "x" * 5000, trace(2), "y" * 1999 + "\n" + trace(3)]))
    in_threads(monkeypatch)
    for module in (parallel, __import__("dspy_programs.failures.reader", fromlist=["x"])):
        monkeypatch.setattr(module, "LONGEST_LINE", 2000)
    monkeypatch.setattr(parallel, "BLOCK", 1000)
    got = [json.loads(line_of(outcome)) for outcome in parallel.outcomes([file], None, 2)]
    assert [row.get("trace_id", "problem") for row in got] == ["1", "problem", "2", "problem", "3"]
    assert "longer than" in got[1]["problem"]


def test_real_processes_give_the_same_and_report_how_far_they_are(folder):
    told = []
    paths = [folder / "a.jsonl", folder / "b.jsonl"]
    found = parallel.outcomes(paths, None, 2, with_traces=True, progress=lambda done, total: told.append((done, total)))
    outcomes = list(found)
    assert [line_of(outcome) for outcome in outcomes] == serial(paths)
    assert all((outcome.trace is not None) == (outcome.report is not None and outcome.report.failed) for outcome in outcomes)
    assert told == sorted(told) and told[-1][0] <= told[-1][1] == parallel.bytes_in(paths)


def test_killed_process_is_one_clear_error(folder, monkeypatch):
    found = parallel.outcomes([folder / "a.jsonl"] * 40, None, 1)
    next(found)
    children = [int(pid) for pid in open(f"/proc/self/task/{os.getpid()}/children").read().split()]
    for child in children:
        if b"spawn_main" in open(f"/proc/{child}/cmdline", "rb").read():
            os.kill(child, signal.SIGKILL)
    with pytest.raises(ProgramsError, match="--jobs 1"):
        while True:
            next(found)
            time.sleep(0.001)


def test_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError):
        list(parallel.outcomes([tmp_path / "none"], None, 2))


def test_standard_input_has_one_reader(folder):
    assert parallel.bytes_in([folder / "a.jsonl", "-"]) == 0

"""Pipelines that run: what is done, what is not done again, and what is left after a failure or a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.dspy_programs.data.small_set import data, data_set, lines_of

WHOLE = """
dataset: raw
steps:
- ingest: {input: raw.jsonl}
- validate: {checks: [schema, dedup], write_clean: true}
- score: {dataset: raw.clean}
- judge: {dataset: raw.clean, tag: a, no_llm: true}
- judge: {dataset: raw.clean, tag: b, no_llm: true, rubric: factuality}
- label: {dataset: raw.clean, judgments: auto}
- compare: {dataset: raw.clean, tags: [a, auto]}
- calibrate: {dataset: raw.clean, any_labeler: true, negatives: [needs_edit]}
- export:
    {dataset: raw.clean, to: out/train.jsonl, judgments: a, filter: "scores['overall'] >= 0", split: {train: .5, test: .5}}
- visualize: {dataset: raw.clean}
"""


class Room:
    def __init__(self, root: Path) -> None:
        self.root, self.data = root, root / "data"
        self.rows = [
            {"instruction": f"Explain number {n} in {n} words", "output": f"Number {n} is a number. " * (1 + n % 5)}
            for n in range(12)
        ]
        self.write()

    def write(self) -> None:
        (self.root / "raw.jsonl").write_text("".join(json.dumps(row) + "\n" for row in self.rows))

    def says(self, text: str) -> None:
        (self.root / "p.yaml").write_text(text)

    def run(self, *more: str) -> int:
        return data(self.data, "pipeline", "run", self.root / "p.yaml", *more)


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Room(tmp_path)
    made.says(WHOLE)
    return made


def statuses(room: Room, capsys, *more: str) -> list[str]:
    capsys.readouterr()
    room.run("--json", *more)
    return [step["status"] for step in json.loads(capsys.readouterr().out)["steps"]]


def test_all_steps_run_once_and_a_second_run_does_nothing(room, capsys):
    assert room.run() == 0
    told = capsys.readouterr().out
    assert told.count(" done ") == 10 and "12 pairs, 0 not taken" in told
    assert len(lines_of(room.root / "out/train.train.jsonl")) + len(lines_of(room.root / "out/train.test.jsonl")) == 12
    assert (room.root / "reports/raw.clean/index.html").stat().st_size > 5_000
    files = {path: path.stat().st_mtime_ns for path in room.root.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert statuses(room, capsys) == ["unchanged"] * 10
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert set(statuses(room, capsys, "--fresh")) == {"done"}


def test_only_what_changed_is_done_again(room, capsys):
    room.run()
    room.says(WHOLE.replace("checks: [schema, dedup]", "checks: [schema]"))
    found = statuses(room, capsys)
    assert [number for number, status in enumerate(found) if status == "done"] == [1]  # its clean rows are the same
    room.rows.append({"instruction": "One more", "output": "There is one more now."})
    room.write()
    assert set(statuses(room, capsys)) == {"done"}
    os.unlink(room.root / "out/train.test.jsonl")
    assert [number for number, status in enumerate(statuses(room, capsys)) if status == "done"] == [8]


def test_the_plan_says_why_and_does_nothing(room, capsys):
    assert room.run("--plan") == 0
    assert capsys.readouterr().out.count("never done") == 10 and not room.data.exists()
    room.run()
    room.says(WHOLE.replace("rubric: factuality", "rubric: qa"))
    capsys.readouterr()
    assert room.run("--plan", "--json") == 0
    plan = [(each["plan"], each["why"]) for each in json.loads(capsys.readouterr().out)]
    reading = ("may run", "reads what step 5 writes")
    assert plan[3:7] == [("unchanged", ""), ("runs", "other options"), reading, reading]
    assert plan[8] == ("may run", "reads what step 6 writes") and plan[:3] == [("unchanged", "")] * 3


def test_what_people_said_stays_and_is_no_reason_to_label_again(room, capsys):
    room.run()
    labels = room.data / "labels/raw.clean.jsonl"
    first = json.loads(labels.read_text().splitlines()[0])
    with labels.open("a") as file:
        file.write(json.dumps({"pair_id": first["pair_id"], "status": "skipped", "labeler": "interactive"}) + "\n")
    assert statuses(room, capsys)[5] == "unchanged"
    room.says(WHOLE.replace("rubric: factuality", "rubric: qa"))
    assert statuses(room, capsys)[5] == "done"
    last = [json.loads(line) for line in labels.read_text().splitlines() if first["pair_id"] in line][-1]
    assert last["status"] == "skipped"


def test_a_failure_ends_the_run_and_keep_going_does_what_can_be_done(room, capsys):
    room.says(
        "dataset: raw\nsteps:\n- ingest: {input: raw.jsonl}\n- validate: {min_instruction_len: 99, fail_on: warning}\n"
        "- judge: {tag: a, no_llm: true}\n"
        "- export: {to: out/none.jsonl, filter: \"instruction == 'no such'\"}\n"
        "- ingest: {dataset: again, input: out/none.jsonl}\n"
        "- visualize: {dataset: again}\n- visualize\n"
    )
    assert room.run() == 1
    assert statuses(room, capsys) == ["unchanged", "gate closed", *["skipped"] * 5]
    assert room.run("--keep-going") == 1
    told = capsys.readouterr().out
    assert "nothing to export" in told and "needs step 4" in told and "needs step 5" in told
    kept = statuses(room, capsys, "--keep-going")
    assert kept == ["unchanged", "gate closed", "unchanged", "failed", "skipped", "skipped", "unchanged"]


def test_a_run_that_was_killed_is_continued(room, capsys):
    room.rows = [{"instruction": f"Explain {n}", "output": f"It is {n}. " * 30} for n in range(4000)]
    room.write()
    room.says("dataset: raw\nsteps:\n- ingest: {input: raw.jsonl}\n- judge: {tag: a, no_llm: true}\n- export: {to: o.jsonl}\n")
    command = [sys.executable, "-m", "dspy_programs", "data", "pipeline", "run", "p.yaml"]
    process = subprocess.Popen(command, cwd=room.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    judged = room.data / "judgments/raw.a.jsonl"
    deadline = time.monotonic() + 60
    while (not judged.exists() or judged.stat().st_size < 10_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = judged.read_bytes()
    kept = kept[: kept.rfind(b"\n") + 1]
    assert 0 < kept.count(b"\n") < 4000 and not (room.root / "o.jsonl").exists()
    assert statuses(room, capsys) == ["unchanged", "done", "done"]
    assert judged.read_bytes().startswith(kept)
    assert len({line["pair_id"] for line in lines_of(judged)}) == len(lines_of(judged)) == 4000


def test_a_full_disk_fails_the_step_and_keeps_what_was(room, capsys):
    resource = pytest.importorskip("resource", reason="a limit on the size of files stands for a full disk")
    room.says("dataset: raw\nsteps:\n- ingest: {input: raw.jsonl}\n- export: {to: o.jsonl, format: chatml}\n")
    assert room.run() == 0
    before = (room.root / "o.jsonl").read_bytes()
    room.rows += [{"instruction": f"More {n}", "output": "more " * 50} for n in range(200)]
    room.write()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, old[1]))
    try:
        assert room.run() == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    told = capsys.readouterr().out
    assert "File too large" in told and "failed" in told
    assert (room.root / "o.jsonl").read_bytes() == before
    assert statuses(room, capsys) == ["done", "done"]


def test_two_runs_of_a_pipeline_do_not_meet(room, capsys):
    from filelock import FileLock

    room.run()
    (lock,) = (room.data / "pipelines").glob("*.lock")
    with FileLock(lock):
        assert room.run() == 2
    assert "another process is running it" in capsys.readouterr().err


def test_a_broken_record_means_that_nothing_was_done(room, capsys):
    room.run()
    (record,) = (room.data / "pipelines").glob("*.json")
    record.write_text("{broken")
    assert set(statuses(room, capsys)) == {"done"}


def test_steps_may_be_named_alone_and_the_data_set_may_be_there(room, capsys):
    data_set(room.data)
    room.says("dataset: sums\nsteps: [validate, visualize]\n")
    assert statuses(room, capsys) == ["done", "done"]


GROWN = """
dataset: grown
steps:
- run: {seeds: "Explain why bread rises.,Name three rivers of Europe.", max_cycles: CYCLES, min_pass_rate: 0, no_llm: true}
- validate: {checks: [schema]}
"""


def test_a_growth_is_a_step_that_goes_on_where_it_was(room, capsys):
    room.says(GROWN.replace("CYCLES", "1"))
    assert room.run() == 0
    assert "passed in 1 cycle, by rules; 1 cycle done" in capsys.readouterr().out
    first = lines_of(room.data / "user" / "grown.jsonl")
    assert first and statuses(room, capsys) == ["unchanged", "unchanged"]
    room.says(GROWN.replace("CYCLES", "2"))
    assert statuses(room, capsys)[0] == "done"
    assert lines_of(room.data / "user" / "grown.jsonl")[: len(first)] == first
    assert [path.name for path in sorted((room.data / "checkpoints").glob("checkpoint_*"))] == [
        "checkpoint_001.json",
        "checkpoint_002.json",
    ]


def test_a_growth_takes_its_seeds_from_what_an_earlier_step_made(room, capsys):
    room.says(
        "dataset: raw\nsteps:\n- ingest: {input: raw.jsonl}\n- run: {from: raw, name: more, max_cycles: 1, no_llm: true}\n"
    )
    assert room.run() == 0
    assert (room.data / "growths" / "more" / "checkpoints" / "checkpoint_001.json").exists()

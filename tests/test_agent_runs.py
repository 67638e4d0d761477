import json
import time

import pytest

from dspy_programs.failures import read_traces
from tests.agent_tasks.command import measure, parser
from tests.agent_tasks.figures import faults, table
from tests.agent_tasks.runs import Used, measured, read_runs
from tests.agent_tasks.tasks import lay_out, tasks

TASKS = {task.id: task for task in tasks("train")}
DONE = Used(outcome="completed", stopped_by="done", why="", model_calls=2, tool_calls=3, input_tokens=400, output_tokens=20)


def solving(task, room):
    """Do what the solution says."""
    lay_out(task.solution, room.root)
    room.on_event({"kind": "call", "tool": "write_file"})
    return DONE


def never(task, room):
    raise AssertionError(f"{task.id} is run again")


def test_a_measurement_goes_on_where_it_was(tmp_path):
    first, second = TASKS["write_file_1"], TASKS["csv_total_1"]
    path = tmp_path / "r.jsonl"
    assert [run.solved for run in measured([first], "rules", solving, path, 5)] == [True]
    runs = list(measured([first, second], "rules", lambda t, r: solving(t, r) if t is second else never(t, r), path, 5))
    assert [run.task for run in runs] == [first.id, second.id] and runs == read_runs(path)
    events = json.loads((tmp_path / "r" / "rules-write_file_1.json").read_text())
    assert events[0]["tool"] == "write_file" and events[-1]["changed"].keys() == {"standup.md"}


def test_another_way_is_another_run(tmp_path):
    path = tmp_path / "r.jsonl"
    list(measured([TASKS["write_file_1"]], "rules", solving, path, 5))
    idle = list(measured([TASKS["write_file_1"]], "compiled", lambda task, room: DONE, path, 5))
    assert idle[0].faults == ["standup.md is not there"] and len(read_runs(path)) == 2


@pytest.mark.parametrize(
    ("start", "stopped_by"),
    [(lambda task, room: time.sleep(5), "hung"), (lambda task, room: {}["x"], "exception")],
)
def test_a_run_that_hangs_or_breaks_is_a_run_that_solved_nothing(tmp_path, start, stopped_by):
    run = next(measured([TASKS["write_file_1"]], "rules", start, tmp_path / "r.jsonl", 0.2))
    assert (run.solved, run.used.outcome, run.used.stopped_by) == (False, "failed", stopped_by)


def test_a_question_is_answered_and_counts_and_an_answer_is_for_tasks_that_have_one(tmp_path):
    def asks(task, room):
        answer = room.ask("which?")
        if answer:
            lay_out(task.solution, room.root)
        return DONE._replace(why=str(answer))

    asked, plain = measured([TASKS["ask_value_1"], TASKS["write_file_1"]], "rules", asks, tmp_path / "r.jsonl", 5)
    assert asked.solved and asked.questions == ["which?"]
    assert plain.used.why == "None" and not plain.solved


def test_every_run_is_in_a_fresh_workspace(tmp_path):
    seen = []
    task = TASKS["json_edit_1"]
    for way in ("rules", "compiled"):
        list(
            measured(
                [task],
                way,
                lambda t, r: (seen.append((r.root / "config.json").read_text()), solving(t, r))[1],
                tmp_path / "r.jsonl",
                5,
            )
        )
    assert seen == [task.files["config.json"]] * 2


def test_the_table_has_a_line_for_all_and_for_each_group(tmp_path):
    chosen = [TASKS["write_file_1"], TASKS["impossible_1"]]
    runs = list(measured(chosen, "rules", solving, tmp_path / "r.jsonl", 5))
    lines = list(table(runs, lambda run: run.expects))
    assert [line.split()[:3] for line in lines[1:]] == [
        ["rules", "all", "1/2"],
        ["rules", "done", "1/1"],
        ["rules", "refusal", "0/1"],
    ]
    assert "[0.09, 0.91]" in lines[1] and "420" in lines[1]
    assert list(faults(runs)) == ["rules impossible_1: it says that it did what cannot be done (done: )"]


def test_after_its_minutes_a_measurement_begins_no_task_and_the_same_command_goes_on(tmp_path, capsys):
    asked = ["--out", str(tmp_path / "r.jsonl"), "--minutes", "0.0000001"]
    chosen = [TASKS["impossible_1"], TASKS["impossible_3"]]
    measure(parser("").parse_args(asked), chosen)
    assert "1 of 2 runs are there" in capsys.readouterr().out
    measure(parser("").parse_args(asked[:2]), chosen)
    assert len(read_runs(tmp_path / "r.jsonl")) == 2 and "rules        all" in capsys.readouterr().out


def test_a_trace_has_the_outcome_of_the_end_state_and_a_later_try_takes_it_over(tmp_path, capsys, monkeypatch):
    chosen = [TASKS["impossible_1"], TASKS["write_file_1"], TASKS["csv_total_1"]]
    (first := tmp_path / "run-1").mkdir()
    (second := tmp_path / "run-2").mkdir()
    measure(parser("").parse_args(["--traces", str(first)]), chosen[:2])
    told = capsys.readouterr().out
    assert "rules impossible_1: solved" in told and "1 left, about 0 min" in told
    before = {trace.trace_id: trace.is_successful for trace in traces_in(first)}
    assert [*before.values()] == [True, True]
    monkeypatch.setenv("TRACES_BEFORE", str(first))
    measure(parser("").parse_args(["--traces", str(second)]), chosen)
    after = {trace.trace_id: trace.is_successful for trace in traces_in(second)}
    assert before.items() < after.items() and sorted(after.values()) == [False, True, True]


def test_a_run_that_leaves_no_trace_is_one_that_failed(tmp_path):
    list(measured([TASKS["write_file_1"]], "rules", lambda task, room: {}["x"], tmp_path / "r.jsonl", 5, tmp_path / "traces"))
    (trace,) = traces_in(tmp_path / "traces")
    assert (trace.original_goal, trace.is_successful) == (TASKS["write_file_1"].goal, False)
    assert "KeyError" in trace.final_result


def traces_in(folder):
    return [item.trace for item in read_traces([folder])]

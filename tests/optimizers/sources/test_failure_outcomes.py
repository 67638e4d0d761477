"""Whole runs of tiny raw files: nothing cut, the outcome beside the trace and never in it."""

import csv
import json

import pytest

from dspy_programs.errors import DatasetError
from optimizers.sources.failure_outcomes import ended_runs, who_and_when_ended, workbench_ended

TABLES = {
    "calendar_events": "event_id,event_name",
    "customer_relationship_manager_data": "customer_id,status",
    "project_tasks": "task_id,list_name",
}


def write_csv(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def run(query, *steps, answer="It is done.", error=""):
    made = ", ".join(
        f"(AgentAction(tool={t!r}, tool_input={i!r}, log='Thought: {'hm ' * 200}Action:\\n'), {o!r})" for t, i, o in steps
    )
    text = f"{{'input': {query!r}, 'output': {answer!r}, 'intermediate_steps': [{made}]}}"
    return {"query": query, "function_calls": "[]", "full_response": text, "error": error}


@pytest.fixture
def raw(tmp_path):
    processed = tmp_path / "actor/workbench/processed"
    gold = {
        "query": "Cancel it",
        "answer": "['calendar.delete_event.func(event_id=\"7\")']",
        "base_template": "Cancel {x}",
        "domains": "['calendar']",
    }
    write_csv(processed / "queries_and_answers/calendar.csv", gold, {**gold, "query": "Look", "answer": "[]"})
    for name, header in TABLES.items():
        (processed / f"{name}.csv").write_text(f"{header}\n7,Tea\n")
    done = ("calendar.delete_event", {"event_id": "7"}, "Event deleted successfully.")
    write_csv(
        tmp_path / "failure_judge/workbench_traces/calendar__gpt-4.csv",
        run("Cancel it", ("calendar.search_events", {"query": "x"}, [{"event_id": "7"}] * 9), done),
        run("Cancel it", ("calendar.delete_event", {"event_id": "8"}, "Event deleted successfully.")),
        run("Cancel it", done, error="'str' object has no attribute 'items'"),
        run("Look", answer=""),
        run("Nobody knows this"),
        {"query": "Look", "function_calls": "[]", "full_response": "", "error": "Context window exceeded"},
    )
    talk = [{"role": "user", "content": "Help"}, {"role": "assistant", "content": "No."}]
    path = tmp_path / "failure_judge/tau_bench_gpt4o_airline/gpt-4o-airline.json"
    path.parent.mkdir()
    path.write_text(json.dumps([{"task_id": 3, "reward": reward, "traj": talk} for reward in (1.0, 0.0)]))
    said = [{"name": "Expert", "content": "x" * 5000}, {"name": "Computer_terminal", "content": "exitcode: 0"}]
    record = {
        "file": "9.json",
        "question": "Why?",
        "ground_truth": 4,
        "mistake_step": "1",
        "mistake_reason": "wrong",
        "history": said,
    }
    path = tmp_path / "failure_judge/who_and_when/algorithm_generated.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(json.dumps(each) for each in (record, {**record, "file": "10.json", "mistake_step": 7})))
    return tmp_path


def test_workbench_runs_are_whole_and_have_an_outcome(raw):
    right, wrong, broken, idle = workbench_ended(raw)
    assert [each.went_well for each in (right, wrong, broken, idle)] == [True, False, False, True]
    assert [each.changes for each in (right, wrong, broken, idle)] == [True, True, True, False]
    assert {each.trace.is_successful for each in (right, wrong, broken, idle)} == {None}
    assert (right.trace.trace_id, right.model, right.group, right.gold) == (
        "calendar__gpt-4-0",
        "gpt-4",
        "Cancel {x}",
        "['calendar.delete_event.func(event_id=\"7\")']",
    )
    assert [turn.role for turn in right.trace.turns] == ["user", "agent", "tool", "agent", "tool", "agent"]
    assert len(right.trace.turns[1].content) > 500 and len(right.trace.turns[2].tool_output) == 9
    assert right.trace.tools == ["calendar.delete_event", "calendar.search_events"]
    assert broken.trace.error == "'str' object has no attribute 'items'" and right.trace.error is None


def test_conversations_keep_what_is_known_of_them_beside_the_trace(raw):
    *_, passed, failed, blamed, elsewhere = ended_runs(raw)
    assert (passed.went_well, failed.went_well, failed.trace.is_successful) == (True, False, None)
    assert (blamed.trace.trace_id, blamed.turn, blamed.gold, blamed.why) == ("who-9.json", 1, "4", "wrong")
    assert len(blamed.trace.turns[0].content) == 5000 and blamed.trace.turns[1].tool_name == "terminal"
    assert elsewhere.turn is None  # a step that the record does not have


def test_what_is_missing_or_malformed_is_named(raw, tmp_path):
    path = tmp_path / "failure_judge/who_and_when/algorithm_generated.jsonl"
    path.write_text('{"file": "1.json"}\n')
    with pytest.raises(DatasetError, match=r"jsonl:1: not a record of Who&When"):
        list(who_and_when_ended(raw))
    with pytest.raises(DatasetError, match="no run of failure_judge/workbench_traces"):
        list(workbench_ended(raw / "failure_judge"))

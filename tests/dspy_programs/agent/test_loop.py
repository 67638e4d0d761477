"""Runs from a goal to a result, with a scripted model."""

import json

from dspy_programs.agent import Agent
from tests.dspy_programs.agent.scripted import cannot, plan, scripted, step

GOAL = "Read report.txt and write the total to answer.txt"
PLAN = plan(("read_file", "Read report.txt"), ("write_file", "Write the total to answer.txt"))
READ, WRITE = step("read_file", path="report.txt"), step("write_file", path="answer.txt", content="42")


def test_run_plans_acts_checks_and_reports(tmp_path):
    (tmp_path / "report.txt").write_text("total: 42\n")
    events = []
    result = Agent(lm=scripted([PLAN], [READ, WRITE]), workspace=tmp_path, compiled=False, on_event=events.append).run(GOAL)
    assert (tmp_path / "answer.txt").read_text() == "42"
    assert result.completed and result.stopped_by == "done"
    assert [(task.status, task.checked_by) for task in result.tasks] == [("complete", "tool"), ("complete", "code")]
    assert result.artefacts == ["answer.txt"]
    assert result.cost.model_calls == 3 and result.cost.tool_calls == 2
    assert json.loads(str(result))["goal"] == GOAL
    assert [event["kind"] for event in events][:3] == ["plan", "task", "task"]


def test_a_task_whose_tool_raised_is_failed_and_planned_anew(tmp_path):
    (tmp_path / "report.txt").write_text("total: 42\n")
    steps = [step("read_file", path="report.txt"), cannot("no such thing"), WRITE]
    result = Agent(
        lm=scripted([PLAN, plan(("write_file", "Write answer.txt"))], steps), workspace=tmp_path, compiled=False
    ).run(GOAL)
    assert result.completed
    assert [task.status for task in result.tasks] == ["complete", "failed", "complete"]
    assert result.tasks[1].replaced

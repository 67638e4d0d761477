"""Runs from a goal to a result, with a scripted model."""

import json

import pytest
from dspy import lm15

from dspy_programs.agent import Agent, Limits, Sessions
from dspy_programs.agent.planning.plan_mending import without_loose_ends
from dspy_programs.errors import ModelFailing
from dspy_programs.types import Task
from tests.dspy_programs.agent.scripted import cannot, finish, is_planner, plan, scripted, step
from tests.fakes import scripted_lm

GOAL = "Read report.txt and write the total to answer.txt"
PLAN = plan(("read_file", "Read report.txt"), ("write_file", "Write the total to answer.txt"))
READ, WRITE = step("read_file", path="report.txt"), step("write_file", path="answer.txt", content="42")


def test_run_plans_acts_checks_and_reports(tmp_path):
    (tmp_path / "report.txt").write_text("total: 42\n")
    events = []
    result = Agent(lm=scripted([PLAN], [READ, WRITE]), workspace=tmp_path, compiled=False, on_event=events.append).run(GOAL)
    assert (tmp_path / "answer.txt").read_text() == "42"
    assert result.outcome == "unverified" and result.stopped_by == "done"
    assert [(task.status, task.checked_by) for task in result.tasks] == [("complete", "tool"), ("complete", "tool")]
    assert result.artefacts == ["answer.txt"]
    assert result.cost.model_calls == 3 and result.cost.tool_calls == 2
    assert json.loads(str(result))["goal"] == GOAL
    assert [event["kind"] for event in events][:3] == ["plan", "task", "task"]


def test_a_plan_that_waits_for_a_task_that_is_not_in_it_is_run_all_the_same(tmp_path):
    plans = [plan(("write_file", "Write 42 to answer.txt", [1, 2, 3]))]
    lm = scripted(plans, [WRITE])
    result = Agent(lm=lm, workspace=tmp_path, compiled=False).run("Write the total to answer.txt")
    assert [task.title for task in result.tasks] == ["Write 42 to answer.txt"]


def test_a_plan_by_rules_is_not_told_as_the_models(tmp_path):
    lm = scripted([plan(("fly_away", "Write answer.txt"))], [WRITE])
    result = Agent(lm=lm, workspace=tmp_path, compiled=False).run("Write the total to answer.txt")
    assert result.outcome == "unverified" and result.rationale == "one task for each clause of the goal"


def test_a_question_about_a_file_is_answered_and_changes_nothing(tmp_path):
    (tmp_path / "notes.md").write_text("Ben pays.\n")
    lm = scripted([plan(("read_file", "Read notes.md"))], [step("read_file", path="notes.md"), finish("Ben.")])
    session = Sessions(tmp_path.parent / "s.sqlite").new("Who pays, as notes.md says?")
    result = Agent(lm=lm, workspace=tmp_path, compiled=False, session=session).run()
    assert (result.outcome, result.answer, result.cost.model_calls) == ("unverified", "Ben.", 3)
    assert "sessions undo" not in result.why  # there is nothing to put back


def test_a_run_that_failed_after_a_change_says_how_to_put_it_back(tmp_path):
    (tmp_path / "report.txt").write_text("total: 42\n")
    session = Sessions(tmp_path.parent / "s.sqlite").new("Write the total to answer.txt, and do not change report.txt")
    lm = scripted([plan(("write_file", "Write it"))], [step("write_file", path="report.txt", content="43")])
    result = Agent(lm=lm, workspace=tmp_path, compiled=False, session=session).run()
    assert result.outcome == "failed"
    assert f"changed: report.txt; to put all back: dspy-programs sessions undo {session.id}" in result.why


@pytest.mark.parametrize("memory", [True, False])
def test_what_other_sessions_remember_is_planned_for_where_it_may_be_recalled(tmp_path, memory):
    lm = scripted([plan(("recall", "Look up the port"))], [step("recall", query="port"), finish("8080")])
    session = Sessions(tmp_path.parent / "s.sqlite").new("Which port was it?", memory=memory)
    result = Agent(lm=lm, workspace=tmp_path, compiled=False, session=session).run()
    assert (result.tasks[0].tool == "recall") is memory


def test_a_plan_that_says_the_same_again_is_run_once():
    plan = [
        ("a", "Get the mail"),
        ("b", "Reply to it"),
        ("a", "Get the mail again"),
        ("b", "Reply to it"),
        ("b", "Reply to Ann"),
    ]
    tasks = [Task(id=n, tool=tool, title=title, depends_on=[n - 1][: n - 1]) for n, (tool, title) in enumerate(plan, 1)]
    assert [(task.id, task.depends_on) for task in without_loose_ends(tasks)] == [(1, []), (2, [1]), (5, [2])]


def test_a_task_whose_tool_raised_is_failed_and_planned_anew(tmp_path):
    (tmp_path / "report.txt").write_text("total: 42\n")
    steps = [step("read_file", path="report.txt"), cannot("no such thing"), WRITE]
    result = Agent(
        lm=scripted([PLAN, plan(("write_file", "Write answer.txt"))], steps), workspace=tmp_path, compiled=False
    ).run(GOAL)
    assert result.outcome == "unverified"
    assert [task.status for task in result.tasks] == ["complete", "failed", "complete"]
    assert result.tasks[1].replaced


def test_a_model_that_stops_answering_is_one_line_and_the_run_goes_on_later(tmp_path):
    (tmp_path / "report.txt").write_text("total: 42\n")
    is_down = True

    def answer(prompt: str) -> str:
        if is_planner(prompt):
            return PLAN
        if is_down and "total: 42" in prompt:
            raise lm15.TransportError("connection refused")
        return WRITE if "total: 42" in prompt else READ

    held = Sessions(tmp_path / "s.sqlite")
    agent = Agent(lm=scripted_lm(answer), workspace=tmp_path, session=held.new(GOAL), compiled=False)
    with pytest.raises(ModelFailing, match=r"does not answer: .* refused; what was done is kept: dspy-programs run --resume"):
        agent.run()
    assert held.summary().status == "error"
    is_down = False
    result = agent.run()
    assert result.outcome == "unverified" and result.cost.tool_calls == 2


def test_doing_again_what_was_done_is_no_progress(tmp_path):
    (tmp_path / "report.txt").write_text("total: 42\n")
    again = [PLAN] * 9
    steps = [READ, cannot("no such thing")] * 9
    result = Agent(lm=scripted(again, steps), workspace=tmp_path, compiled=False).run(GOAL)
    assert result.stopped_by == "no_progress" and len([task for task in result.tasks if task.status == "failed"]) <= 4


def test_a_call_that_fails_plan_after_plan_ends_the_run_whatever_else_is_looked_up(tmp_path):
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text("total: 42\n")
    plans = [plan(("read_file", f"Read {n}.txt"), ("delete_file", "Delete gone.txt")) for n in range(9)]
    steps = [
        each for n in range(9) for each in (step("read_file", path=f"{n}.txt"), *[step("delete_file", path="gone.txt")] * 3)
    ]
    result = Agent(lm=scripted(plans, steps), workspace=tmp_path, compiled=False).run("Tidy up: gone.txt is of no use")
    assert result.stopped_by == "no_progress" and "gone.txt" in result.why
    assert [task.title for task in result.tasks if task.status == "failed"] == ["Delete gone.txt"] * 2


def test_a_call_that_failed_otherwise_or_before_a_change_is_no_circle(tmp_path):
    plans = [plan(("write_file", "Write a.txt"), ("delete_file", "Delete gone.txt")), plan(("delete_file", "Delete gone.txt"))]
    steps = [step("write_file", path="a.txt", content="x"), *[step("delete_file", path=f"{n}.txt") for n in range(20)]]
    result = Agent(lm=scripted(plans, steps), workspace=tmp_path, compiled=False).run("Tidy up: gone.txt is of no use")
    assert result.stopped_by == "no_progress"
    assert len([task for task in result.tasks if task.status == "failed"]) == 3


def test_a_limit_that_the_last_step_reaches_does_not_fail_what_is_done(tmp_path):
    def run(**limits):
        lm = scripted([plan(("write_file", "Write the total to b.txt"))], [step("write_file", path="b.txt", content="42\n")])
        return Agent(lm=lm, workspace=tmp_path, compiled=False, limits=Limits(**limits)).run("Write the total to b.txt")

    cost = run().cost
    (tmp_path / "b.txt").unlink()
    used = cost.input_tokens + cost.output_tokens
    assert run(tokens=used).stopped_by == "done"
    (tmp_path / "b.txt").unlink()
    assert run(tokens=1).stopped_by == "limit"

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.agent import Agent, LedgerTask, Sessions
from dspy_programs.agent.checking.verification import doubts
from tests.dspy_programs.agent.scripted import is_planner, plan, scripted, step
from tests.fakes import ChatServer, scripted_lm

WRITES = [plan(("write_file", "Write the total to b.txt"))], [step("write_file", path="b.txt", content="42\n")]


def task(number, checked_by, **fields):
    return LedgerTask(
        **{"id": str(number), "title": "t", "status": "complete", "tool": "write_file", **fields}, checked_by=checked_by
    )


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([task(1, "code"), task(2, "goal"), task(3, "judge"), task(4, "agreement")], []),
        ([task(1, "code"), task(2, "tool", artefacts=["b.txt"])], ["read b.txt: nothing is known but that its tool ran"]),
        ([task(1, "nothing")], ["read the answer: one script came to it, and no other"]),
        ([task(1, "agreement", doubt="a third differs")], ["read the answer: a third differs"]),
        ([task(1, "tool", tool="read_file"), task(2, "code")], []),  # what was only read on the way
        ([task(1, "tool", tool="read_file")], ["read the answer: nothing is known but that its tool ran"]),
        ([task(1, "tool", replaced=True), task(2, "code")], []),
        ([task(1, "tool"), task(2, "tool"), task(3, "code")], ["read the answer: nothing is known but that its tool ran"]),
    ],
)
def test_what_nobody_has_checked_is_named_once(tasks, said):
    assert doubts(tasks, ["read_file"]) == said


def test_report_event_session_and_trace_of_an_unchecked_run_all_say_so(tmp_path):
    (work := tmp_path / "work").mkdir()
    events, kept = [], Sessions(tmp_path / "s.sqlite")
    session = kept.new("Write the total to b.txt")
    settings = {"traces": tmp_path / "traces", "on_event": events.append, "compiled": False}
    result = Agent(lm=scripted(*WRITES), workspace=work, session=session, **settings).run()
    session.close()
    assert (result.outcome, result.completed, events[-1]["outcome"]) == ("unverified", False, "unverified")
    assert result.why.startswith("read b.txt") and kept.list()[0].status == "unverified"
    assert json.loads(str(result))["outcome"] == "unverified"
    [trace] = (tmp_path / "traces").glob("*.json")
    assert json.loads(trace.read_text())["is_successful"] is None


@pytest.mark.parametrize(
    ("goal", "code", "outcome"),
    [("Rename a.txt to c.txt", 0, "completed"), ("Write the total to b.txt", 3, "unverified"), ("Read d.txt", 1, "failed")],
)
def test_the_exit_code_tells_checked_from_unchecked_and_failed(tmp_path, capsys, goal, code, outcome):
    (work := tmp_path / "work").mkdir()
    (work / "a.txt").write_text("a")
    plans, steps = WRITES
    with ChatServer(lambda prompt: plans[0] if is_planner(prompt) else steps[0]) as at:
        flags = ["--lm", "openai/any", "--api-base", at.url, "--no-cache", "--sessions", str(tmp_path / "s.sqlite"), "--quiet"]
        assert main(["run", goal, "-w", str(work), *flags]) == code
    assert json.loads(capsys.readouterr().out)["outcome"] == outcome


@pytest.mark.parametrize(
    ("verdict", "evidence", "outcome"),
    [("met", "b.txt", "completed"), ("met", "words of nobody", "failed"), ("not met", "b.txt", "failed")],
)
def test_what_code_cannot_tell_a_judge_that_is_given_does_and_must_quote_the_run(tmp_path, verdict, evidence, outcome):
    judge = scripted_lm(lambda prompt: json.dumps({"evidence": evidence, "verdict": verdict}))
    settings = {"judge_lm": judge, "compiled": False, "workspace": tmp_path}
    result = Agent(lm=scripted(*WRITES), **settings).run("Write the total to b.txt")
    assert result.outcome == outcome, result
    assert outcome == "failed" or result.tasks[0].checked_by == "judge"


def test_a_judge_is_not_asked_what_code_can_tell(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    judge = scripted_lm(lambda prompt: json.dumps({"evidence": "", "verdict": "not met"}))
    done = Agent(judge_lm=judge, workspace=tmp_path).run("Rename a.txt to c.txt")
    assert done.completed and not judge.engine.prompts

"""Runs that succeeded, as demonstrations for the next ones."""

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.agent import Agent, Sessions
from dspy_programs.agent.acting.demonstrations import Demonstration, demonstrations, read_demonstrations, show_to
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import UsageError
from dspy_programs.lm import running_on
from dspy_programs.programs.actor import Actor
from tests.dspy_programs.agent.scripted import cannot, is_planner, plan, prompts_of, scripted, step
from tests.fakes import scripted_lm

GOAL = "Read a.txt and write its total to b.txt"
SCRIPT = 'open("b.txt", "w").write("42\\n")\n'


@pytest.fixture
def held(tmp_path):
    return Sessions(tmp_path / "s.sqlite")


def run(folder, held, lm, goal=GOAL):
    session = held.new(goal)
    result = Agent(lm=lm, workspace=folder, session=session, compiled=False).run()
    session.close()
    return result


def two_steps(path="b.txt"):
    plans = [plan(("read_file", "Read a.txt"), ("write_file", f"Write its total to {path}"))]
    return scripted(plans, [step("read_file", path="a.txt"), step("write_file", path=path, content="42\n")])


def shown_by(held, **settings):
    return demonstrations(held, default_tools(Workspace(held.path.parent)), **settings)


def test_calls_of_a_run_that_succeeded_are_shown_with_what_was_known_before_each(shop, held):
    assert run(shop, held, two_steps()).outcome == "unverified"
    first, second = shown_by(held)
    assert first.goal == GOAL and first.act["done"] == []
    assert "Total: 42" in second.act["done"][0] and second.act["task"] == "write its total to b.txt (write_file)"
    assert [tool["name"] for tool in second.act["tools"]] == ["write_file", "read_file"]
    assert second.act["action"]["calls"] == [{"tool": "write_file", "arguments": {"path": "b.txt", "content": "42\n"}}]


def test_run_that_failed_or_of_which_nothing_was_checked_or_that_is_of_a_test_shows_nothing(shop, held):
    run(shop, held, scripted([plan(("read_file", "Read a.txt"))], [cannot("no")]), "Write the total of a.txt to c.txt")
    run(shop, held, scripted([plan(("read_file", "Read a.txt"))], [step("read_file", path="a.txt")]), "Read a.txt")
    assert run(shop, held, two_steps()).outcome == "unverified"
    assert shown_by(held, without=[GOAL]) == []
    assert {row.goal for row in shown_by(held)} == {GOAL}


def test_of_equal_goals_the_last_counts(shop, held):
    for _ in range(2):
        (shop / "b.txt").unlink(missing_ok=True)
        run(shop, held, two_steps())
    assert len(held.list()) == 2 and len(shown_by(held)) == 2


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
def test_script_is_shown_with_the_files_as_they_were_before_it(shop, held):
    lm = scripted_lm(lambda prompt: f"```python\n{SCRIPT}```", name="local/scripted")
    assert run(shop, held, lm).completed
    [row] = shown_by(held)
    assert row.script["request"] == GOAL and row.script["script"] == SCRIPT
    assert "Total: 42" in row.script["files"] and "b.txt" not in row.script["files"]


def rows(number):
    goals = [f"Write the number of {what} to out.txt" for what in ("apples", "boats", "cats", "doors", "elks")[:number]]
    action = {"calls": [{"tool": "write_file", "arguments": {"path": "out.txt"}}], "cannot": ""}
    inputs = {"tools": [{"name": "write_file", "parameters": {}}], "said": [], "done": [], "action": action}
    return [Demonstration(goal=goal, act={**inputs, "task": goal}) for goal in goals]


def test_actor_is_shown_the_nearest_and_none_of_its_own_goal():
    lm, actor = scripted_lm(lambda prompt: step("write_file", path="out.txt")), Actor()
    show_to(actor, rows(5), "Write the number of boats to out.txt")
    with running_on(lm):
        actor("Write the number of cats to out.txt", [{"name": "write_file", "parameters": {}}])
    [request] = lm.engine.requests
    shown = [message.text for message in request.messages if "Write the number" in message.text][:-1]
    assert 1 <= len(shown) <= 3 and "cats" in shown[-1] and not any("boats" in text for text in shown)


def test_agent_shows_them_where_they_are_given_and_nothing_else_by_default(shop, tmp_path):
    path = tmp_path / "demos.jsonl"
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows(3)))
    goal = "Write the number of cats to b.txt"
    for given in ((), str(path)):
        lm = scripted([plan(("write_file", goal))], [step("write_file", path="b.txt", content="42\n")])
        Agent(lm=lm, workspace=shop, compiled=False, demonstrations=given).run(goal)
        (prompt,) = [one for one in prompts_of(lm) if not is_planner(one)]
        assert ("cats to out.txt" in prompt) is bool(given)
        (shop / "b.txt").unlink()


def test_command_prints_what_another_run_reads(shop, held, tmp_path, capsys):
    run(shop, held, two_steps())
    command = ["sessions", "demonstrations", "--sessions", str(held.path)]
    assert main(command) == 0
    path = tmp_path / "demos.jsonl"
    path.write_text(capsys.readouterr().out)
    assert [row.goal for row in read_demonstrations(path)] == [GOAL, GOAL]
    (tmp_path / "test.jsonl").write_text(json.dumps({"goal": GOAL, "id": 1}) + "\n")
    assert main([*command, "--without", str(tmp_path / "test.jsonl")]) == 0
    assert capsys.readouterr().out == ""


def test_file_that_is_none_is_refused_with_its_line(tmp_path):
    path = tmp_path / "demos.jsonl"
    path.write_text('{"goal": "x"}\n{"gaol": "x"}\n')
    with pytest.raises(UsageError, match=r"demos.jsonl:2: gaol: unknown key"):
        read_demonstrations(path)

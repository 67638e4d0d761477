"""Cycles: the agent runs, its runs teach, it runs again; what is done is not done twice, and a test teaches nothing."""

import json
import sys
from pathlib import Path

import pytest

from dspy_programs import load
from optimizers.improve import main
from tests.fakes import ChatServer
from tests.optimizers.harvesting.runs import read
from tests.optimizers.loop.test_online_command import LM, RIGHT, answer

ROOT = Path(__file__).resolve().parents[3]
AGENT = """
import os, sys
from pathlib import Path
from tests.optimizers.harvesting.runs import refund_run, write_runs
first, last, share = map(int, sys.argv[1:4])
write_runs(Path(os.environ["TRACES"]), (refund_run(number, ok=number % 10 < share) for number in range(first, last)))
with open(sys.argv[4], "a") as file:
    file.write("x")
"""


@pytest.fixture
def agent(tmp_path):
    (tmp_path / "agent.py").write_text(AGENT)

    def command(first, last, share, count="count"):
        return f"cd {ROOT} && {sys.executable} {tmp_path / 'agent.py'} {first} {last} {share} {tmp_path / count}"

    return command


def improve(tmp_path, server, *more):
    models = ["--lm", LM, "--api-base", server.url, "--run-dir", str(tmp_path / "improve")]
    return main([*models, "--module", "planner", *more])


def test_an_agent_is_run_learnt_from_and_run_again_and_the_test_teaches_nothing(tmp_path, agent, capsys):
    given = ["--agent", agent(1000, 1150, 9), "--test-agent", agent(1005, 1010, 5, "tests"), "--cycles", "1"]
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert improve(tmp_path, server, *given) == 0
        out = capsys.readouterr().out
        assert "1-run                150 runs, 90.0% went well" in out
        assert "1-planner            promoted: a few runs that went well" in out
        assert "on unseen tasks: 0.0% of 5 runs before" in out
        assert load("planner", LM).plan.demos
        rejects = [line["reason"] for line in read(tmp_path / "improve" / "rows", "planner", "rejects")]
        assert rejects.count("the goal is one of the test's") == 25
        paid = len(server.requests)
        assert improve(tmp_path, server, *given) == 0  # all stages are done
        assert len(server.requests) == paid
    assert capsys.readouterr().out.splitlines()[-1] == out.splitlines()[-1]
    assert ((tmp_path / "count").read_text(), (tmp_path / "tests").read_text()) == ("x", "xx")


def test_it_goes_on_where_it_was_killed(tmp_path, agent, capsys):
    given = ["--agent", agent(1000, 1150, 10), "--cycles", "1"]
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert improve(tmp_path, server, *given) == 0
        stages = tmp_path / "improve" / "stages"
        first = json.loads((stages / "1-run.json").read_text())
        (stages / "1-planner.json").unlink()  # as if killed in the middle of it
        (stages / "last-run.json").unlink()
        assert improve(tmp_path, server, *given) == 0
    assert json.loads((stages / "1-run.json").read_text()) == first
    assert (tmp_path / "count").read_text() == "xxx"


def test_a_dry_run_prints_stages_and_prices_and_does_none(tmp_path, agent, capsys):
    given = ["--agent", agent(1000, 1150, 9), "--cycles", "2", "--dry-run", "--lm", "openai/gpt-4.1-mini", "--api-key", "none"]
    assert main([*given, "--run-dir", str(tmp_path / "improve"), "--rows", "100", "--challengers", "2"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()] == [
        *("1-run", "1-planner", "1-actor", "2-run", "2-planner", "2-actor"),
        "last-run",
    ]
    assert "about 402 calls, about 0.37 USD" in out
    assert not (tmp_path / "improve").exists() and not (tmp_path / "count").exists()


def test_too_few_rows_promote_nothing_and_say_so(tmp_path, agent, capsys):
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert improve(tmp_path, server, "--agent", agent(1000, 1010, 9)) == 0
    assert "nothing promoted" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "says"), [("exit 3", "exit code 3"), ("true", "left no trace")])
def test_an_agent_that_fails_is_one_line(tmp_path, capsys, command, says):
    with ChatServer() as server:
        assert improve(tmp_path, server, "--agent", command) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1

"""Cycles: the agent runs, its runs teach, it runs again; what is done is not done twice, and a test teaches nothing."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dspy_programs import load
from optimizers.harvesting import goal_key
from optimizers.improve import main
from optimizers.rollback import main as rollback
from tests.fakes import ChatServer
from tests.optimizers.harvesting.runs import read, refund_run, write_runs
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


def worded(script):
    """Answer a request for other words as a model would; the rest by the script."""

    def answering(prompt):
        if "worded" not in prompt:
            return script(prompt)
        number = re.findall(r"order (\d{4}) for", prompt)[-1]
        return json.dumps({"worded": {"request": f"My parcel was bad, so give me the money for {number} back. {number} it is"}})

    return answering


def stages_in(out):
    return [line.split()[0] for line in out.splitlines() if re.match(r"\d-\w+ +(?! |\.\.\.)", line)]


def test_an_agent_is_run_learnt_from_and_run_again_and_the_test_teaches_nothing(tmp_path, agent, capsys):
    given = ["--agent", agent(1000, 1150, 9), "--test-agent", agent(1005, 1010, 5, "tests"), "--cycles", "1"]
    with ChatServer(worded(answer(RIGHT, ["send_note"]))) as server:
        assert improve(tmp_path, server, *given) == 0
        out = capsys.readouterr().out
        assert "1-run                150 runs, 90.0% went well" in out
        assert "1-planner            promoted: the nearest runs that went well" in out
        assert "on unseen tasks: 0.0% of 5 runs [0.0%, 43.4%] before, " in out
        assert out.endswith(" after; chance may explain it\n")
        assert load("planner", LM).plan.demos
        rejects = [line["reason"] for line in read(tmp_path / "improve" / "rows", "planner", "rejects")]
        assert rejects.count("the goal is one of the test's") == 25
        paid = len(server.requests)
        assert improve(tmp_path, server, *given) == 0  # all stages are done
        assert len(server.requests) == paid
        again = capsys.readouterr().out
        assert stages_in(again) == stages_in(out) and " ... " in out and " ... " not in again
        assert improve(tmp_path, server, *given[:-1], "2") == 0  # goes on where that one ended
        out = capsys.readouterr().out
        assert stages_in(out)[-4:] == ["2-harvest", "2-generate", "2-planner", "2-test"]
        assert re.search(
            r"^2-test +5 runs, 0.0% went well \[.*\], as in 1-test: no program has changed since$", out, re.MULTILINE
        )
        assert out.endswith("0.0% of 5 runs [0.0%, 43.4%]; nothing changed since, so they were not run again\n")
    assert ((tmp_path / "count").read_text(), (tmp_path / "tests").read_text()) == ("xx", "xx")


def test_rows_are_generated_from_failures_and_shown_but_never_compared_on(tmp_path, agent, capsys):
    with ChatServer(worded(answer(["send_note"], ["send_note"]))) as server:
        without = ["--without", "failures", "--without", "successes", "--without", "corrections"]
        assert improve(tmp_path, server, "--agent", agent(1000, 1150, 9), *without) == 0
    out = capsys.readouterr().out
    folder = tmp_path / "improve"
    made = read(folder, "generated", "1-planner")
    assert f"1-generate           planner: {len(made)} rows from" in out and made
    assert f" to propose from, {len(made)} generated" in out
    assert all(row["provenance"]["generated"] and row["provenance"]["worded_by"] == LM for row in made)
    lines = [json.loads(line) for line in (folder / "loops" / "planner" / "gepa_history.jsonl").read_text().splitlines()]
    assert any(line["how"].startswith("rows generated from failures") for line in lines)
    held_back = {goal_key(row["goal"]) for row in read(folder / "rows", "planner", "val", "test")}
    assert held_back.isdisjoint(goal_key(row["goal"]) for row in made)
    shown = [body for body in server.requests if "money for" in body and "worded" not in body]
    assert shown and all("money for" not in json.loads(body)["messages"][-1]["content"] for body in shown)


@pytest.mark.parametrize(
    ("without", "is_shown", "is_rewritten", "is_generated"),
    [
        ("successes", True, True, True),
        ("demonstrations", False, True, False),
        ("failures", True, False, True),
        ("generated", True, True, False),
    ],
)
def test_an_arrow_that_is_left_out_proposes_nothing(tmp_path, agent, without, is_shown, is_rewritten, is_generated):
    with ChatServer(worded(answer(["send_note"], ["send_note"]))) as server:
        given = ["--agent", agent(1000, 1150, 9), "--without", without, "--challengers", "9", "--rows", "30"]
        assert improve(tmp_path, server, *given) == 0
    path = tmp_path / "improve" / "loops" / "planner" / "gepa_history.jsonl"
    hows = [json.loads(line)["how"] for line in path.read_text().splitlines()]
    shown = [how for how in hows if not how.startswith("instruction")]
    assert bool(shown) is is_shown
    assert any(how.startswith("instruction") for how in hows) is is_rewritten
    assert any("generated" in how for how in hows) is is_generated
    assert (tmp_path / "improve" / "generated").exists() is is_generated
    if without == "successes":
        assert all("generated" in how for how in shown)


def test_without_the_judge_an_unknown_outcome_teaches_nothing(tmp_path, agent):
    with ChatServer(worded(answer(["send_note"], ["send_note"]))) as server:
        given = ["--agent", agent(1000, 1150, 9), "--without", "judge", "--min-probability", "0", "--rows", "30"]
        assert improve(tmp_path, server, *given) == 0
    failures = read(tmp_path / "improve" / "rows", "planner", "failures")
    assert failures and {line["feedback"] for line in failures} == {"An outcome on record says that the run failed."}


KILLED = """
import os, signal, sys
import optimizers.loop.cycles as cycles
import optimizers.recipes
from optimizers.improve import main

write, points, given = cycles.write_atomically, sys.argv[1].split(","), sys.argv[2:]

def killing(point):
    stage, when = point.split(":")
    def written(path, content):
        for moment in ("before", "after"):
            if path.name == f"{stage}.json" and when == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            if moment == "before":
                write(path, content)
    return written

for point in points:
    if not (child := os.fork()):
        cycles.write_atomically = killing(point)
        os._exit(main(given))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9, point
raise SystemExit(main(given))
"""
STAGES = ("0-test", "1-run", "1-harvest", "1-generate", "1-planner", "1-test")


def test_killed_at_and_in_every_stage_it_goes_on_and_pays_nothing_twice(tmp_path, agent, capsys):
    """Before its file is there, a stage is in its middle: all of its work has to be found again, or repeated."""
    given = ["--agent", agent(1000, 1150, 9), "--test-agent", agent(3005, 3010, 5, "tests"), "--challengers", "2"]
    given += ["--lm", LM, "--module", "planner"]
    (tmp_path / "killed.py").write_text(KILLED)
    with ChatServer(worded(answer(RIGHT, ["send_note"]))) as server:
        assert main([*given, "--run-dir", str(tmp_path / "whole"), "--api-base", server.url]) == 0
        asked = len(server.requests)
        expected = capsys.readouterr().out.splitlines()[-1]
        assert rollback(["--module", "planner", "--lm", LM]) == 0
        points = ",".join(f"{stage}:{when}" for stage in STAGES for when in ("before", "after"))
        place = ["--run-dir", str(tmp_path / "cut"), "--api-base", server.url]
        command = [sys.executable, str(tmp_path / "killed.py"), points, *given, *place]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == expected
        assert len(server.requests) == 2 * asked
    for name in ("1-harvest", "1-generate", "1-planner"):
        one, other = (stage_of(tmp_path / each, name) for each in ("whole", "cut"))
        assert {**one, "spent": 0} == {**other, "spent": 0}


def stage_of(folder, name):
    return json.loads((folder / "stages" / f"{name}.json").read_text())


def test_a_dry_run_prints_stages_and_prices_and_does_none(tmp_path, agent, capsys):
    given = ["--agent", agent(1000, 1150, 9), "--cycles", "2", "--dry-run", "--lm", "openai/gpt-4.1-mini", "--api-key", "none"]
    assert main([*given, "--run-dir", str(tmp_path / "improve"), "--rows", "100", "--challengers", "2"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()] == [
        *("1-run", "1-harvest", "1-generate", "1-planner", "1-actor"),
        *("2-run", "2-harvest", "2-generate", "2-planner", "2-actor", "3-run"),
    ]
    assert "up to 402 calls, about 0.37 USD" in out and "up to 80 calls, about 0.07 USD" in out
    assert not (tmp_path / "improve").exists() and not (tmp_path / "count").exists()


def test_a_model_that_is_not_there_is_one_line_and_the_runs_are_kept(tmp_path, agent, capsys):
    given = ["--agent", agent(1000, 1150, 9), "--module", "planner", "--run-dir", str(tmp_path / "improve")]
    with ChatServer(status=401) as server:
        assert main([*given, "--lm", LM, "--api-base", server.url]) == 2
    error = capsys.readouterr().err
    assert "does not answer" in error and error.count("\n") == 1
    assert [path.name for path in sorted((tmp_path / "improve" / "stages").iterdir())] == ["1-harvest.json", "1-run.json"]


@pytest.mark.parametrize(("limit", "value"), [("--max-tokens", "100"), ("--minutes", "0")])
def test_a_limit_stops_it_and_a_larger_one_goes_on(tmp_path, agent, capsys, limit, value):
    with ChatServer(worded(answer(RIGHT, ["send_note"]))) as server:
        given = ["--agent", agent(1000, 1150, 10)]
        assert improve(tmp_path, server, *given, limit, value) == 0
        out = capsys.readouterr().out
        assert f"limit reached in stage {'1-planner' if limit == '--max-tokens' else '1-run'}: {value} " in out
        assert not load("planner", LM).plan.demos
        assert improve(tmp_path, server, *given, limit, "100000") == 0
        assert "promoted: the nearest runs" in capsys.readouterr().out


def test_a_function_can_be_the_agent(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_agent.py").write_text(
        "from tests.optimizers.harvesting.runs import refund_run, write_runs\n"
        "def work(folder):\n    write_runs(folder, [refund_run(number) for number in range(5)])\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with ChatServer() as server:
        assert improve(tmp_path, server, "--agent", "my_agent:work") == 0
    assert "1-run                5 runs, 100.0% went well" in capsys.readouterr().out


def test_a_folder_of_another_improvement_is_refused(tmp_path, agent, capsys):
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert improve(tmp_path, server, "--agent", agent(1000, 1010, 9)) == 0
        assert improve(tmp_path, server, "--agent", agent(1000, 1010, 9), "--without", "judge") == 2
    assert "begun with other settings (without: [] -> ['judge'])" in capsys.readouterr().err


def test_too_few_rows_promote_nothing_and_say_so(tmp_path, agent, capsys):
    with ChatServer(answer(RIGHT, ["send_note"])) as server:
        assert improve(tmp_path, server, "--agent", agent(1000, 1010, 9)) == 0
    assert "nothing promoted" in capsys.readouterr().out


SLOW = """
import os, sys, time
from pathlib import Path
from tests.optimizers.harvesting.runs import refund_run, write_runs
traces, before = Path(os.environ["TRACES"]), os.environ.get("TRACES_BEFORE")
for number in range(1000, 1006):
    name = f"{number}.jsonl"
    if before and (done := Path(before, name)).exists():
        (traces / name).write_bytes(done.read_bytes())
        continue
    with open(sys.argv[1], "a") as file:
        file.write("x")
    write_runs(traces, [refund_run(number)], name)
    if number == 1003 and not before:
        Path(sys.argv[1] + ".pid").write_text(str(os.getpid()))
        time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_improvement_ends_its_agent_and_the_next_takes_over_what_is_done(tmp_path, number):
    (tmp_path / "slow.py").write_text(SLOW)
    count, pid = tmp_path / "count", tmp_path / "count.pid"
    agent = f"cd {ROOT} && {sys.executable} {tmp_path / 'slow.py'} {count}; true"
    with ChatServer() as server:
        given = ["--lm", LM, "--api-base", server.url, "--run-dir", str(tmp_path / "improve"), "--module", "planner"]
        command = [sys.executable, "-m", "optimizers.improve", *given, "--agent", agent]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        waited_for(pid.exists)
        process.send_signal(number)
        process.wait(30)
        waited_for(lambda: not Path("/proc", pid.read_text()).exists())
        assert count.read_text() == "x" * 4
        assert main([*given, "--agent", agent]) == 0
    assert count.read_text() == "x" * 6
    assert stage_of(tmp_path / "improve", "1-run")["runs"] == 6


def waited_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_another_begins_with_the_same_first_runs_and_learns_from_runs_on_record(tmp_path, agent, capsys, monkeypatch):
    """Once a program was promoted, the first runs are those of another agent."""
    write_runs(tmp_path / "recorded", (refund_run(number) for number in range(1000, 1150)))
    given = [
        "--agent",
        agent(3000, 3003, 9),
        "--test-agent",
        agent(3005, 3010, 5, "tests"),
        "--traces",
        str(tmp_path / "recorded"),
    ]
    again = [*given, "--begin-with", str(tmp_path / "improve"), "--without", "failures", "--run-dir"]
    with ChatServer(worded(answer(RIGHT, ["send_note"]))) as server:
        assert improve(tmp_path, server, *given) == 0
        assert "1-planner            promoted: " in capsys.readouterr().out
        assert improve(tmp_path, server, *again, str(tmp_path / "less")) == 2
        assert "another planner is in use now; go back by python -m optimizers.rollback" in capsys.readouterr().err
        monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(tmp_path / "other"))
        assert improve(tmp_path, server, *again, str(tmp_path / "less")) == 0
        assert "1-planner            promoted: " in capsys.readouterr().out
        other = [*again[:1], agent(1, 2, 3), *again[2:]]
        assert improve(tmp_path, server, *other, str(tmp_path / "more")) == 2
    assert "its runs cannot be taken over (agent: " in capsys.readouterr().err
    assert ((tmp_path / "count").read_text(), (tmp_path / "tests").read_text()) == ("x", "xxx")


@pytest.mark.parametrize(("command", "says"), [("exit 3", "exit code 3"), ("true", "left no trace")])
def test_an_agent_that_fails_is_one_line(tmp_path, capsys, command, says):
    with ChatServer() as server:
        assert improve(tmp_path, server, "--agent", command) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1

"""Whole runs of the real command against a scripted server on loopback: what it finds, says, refuses and survives."""

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dspy_programs import load, use
from optimizers.data import read_split
from optimizers.recipes import RECIPES
from optimizers.train import main
from optimizers.training.run_directory import CHANGED
from tests.fakes import (
    ChatServer,
    ContextTooLong,
    both,
    level_of,
    levelled_planner,
    plan_reply,
    toy_row,
    write_toy_data,
)
from tests.processes import Started

ROOT = Path(__file__).resolve().parents[3]
GARBAGE = "I would rather not."
WHOLE = {}  # the outcome of a run that nothing has stopped


@pytest.fixture
def data(tmp_path):
    return write_toy_data(tmp_path / "data")


@pytest.fixture
def whole(data, tmp_path):
    """What a run must come to, however often it is stopped. The first test that asks makes it."""
    if not WHOLE:
        with ChatServer() as server:
            main(arguments(server, data, tmp_path, name="whole"))
        WHOLE.update(outcome(tmp_path, "whole"))
    return WHOLE


def arguments(server, data, tmp_path, *more, name="run"):
    fixed = ["--module", "planner", "--lm", "openai/scripted", "--api-base", server.url, "--data", str(data)]
    places = ["--run-dir", str(tmp_path / name), "--out", str(tmp_path / f"{name}.json")]
    budget = [] if any(flag.startswith("--max") for flag in more) else ["--max-metric-calls", "60"]
    thinking = [] if "--reasoning" in more else ["--no-reasoning"]
    return [*fixed, *places, *budget, *thinking, *more]


def outcome(tmp_path, name="run"):
    """What must not depend on how a run came about: candidates with scores and parents, the winner, the test scores."""
    report = report_of(tmp_path, name)
    return {key: report[key] for key in ("candidates", "winner", "kept", "ended_by", "tried", "test", "components")}


def report_of(tmp_path, name="run"):
    return json.loads((tmp_path / name / "report.json").read_text())


def texts(candidates):
    return [each["texts"] for each in candidates]


def test_train_finds_better_instructions_and_saves_them(data, tmp_path, capsys):
    with ChatServer() as server:
        code = main(arguments(server, data, tmp_path))
    out = capsys.readouterr().out
    assert code == 0
    assert f"written to  {tmp_path / 'run.json'}" in out
    assert "-> compiled" in out and ": beyond noise (paired bootstrap, 95 %)" in out
    assert (tmp_path / "run.json").read_bytes() == (tmp_path / "run" / "compiled.json").read_bytes()
    saved = json.loads((tmp_path / "run.json").read_text())
    assert "LEVEL-" in saved["plan"]["signature"]["instructions"]
    app = saved["metadata"]["app"]
    assert app["kept"] == "compiled" and app["scores"]["test"]["difference"]["low"] > 0
    assert len(app["lineage"]) > 1 and app["training"]["used"]["lm_calls"] == len(server.requests)
    card = (tmp_path / "run.md").read_text()
    assert "python -m optimizers.train --module planner --lm openai/scripted" in card
    assert card == (tmp_path / "run" / "compiled.md").read_text()
    validation = app["scores"]["validation"]
    assert validation["rows"] >= 4
    assert f"| validation, {validation['rows']} rows | 0.450 | {validation['compiled']:.3f} |" in card
    kinds = len(app["training"]["tried"])
    assert card.count("\n| ") == 5 + len(app["lineage"]) + kinds  # three tables: heads, two rows of scores, the others


def stuck(prompt):
    """Answer so that no instruction helps."""
    return both(prompt).replace("LEVEL", "level")


def test_train_keeps_the_seed_when_nothing_beats_it_and_puts_nothing_to_use(data, tmp_path, capsys):
    with ChatServer(stuck) as server:
        assert main(for_the_user(server, data, tmp_path)) == 0
    out = capsys.readouterr().out
    assert "unchanged:  no candidate beat the uncompiled program by one standard error" in out and "-> compiled" not in out
    assert "optimizers.promote" not in out, "the seed needs no promotion"
    assert json.loads((tmp_path / "run" / "compiled.json").read_text())["metadata"]["app"]["kept"] == "seed"
    assert not used(tmp_path).exists()


def for_the_user(server, data, tmp_path, *more, name="run"):
    """The arguments of a run whose result is put to use where `load` looks."""
    argv = arguments(server, data, tmp_path, *more, name=name)
    place = argv.index("--out")
    return argv[:place] + argv[place + 2 :]


def used(tmp_path):
    return tmp_path / "compiled" / "planner" / "openai--scripted.json"


def thinking_planner(prompt):
    """Name all the tools of the goal, but only where the reasoning may come before the plan."""
    if "new_instruction" in prompt or '"reasoning"' not in prompt:
        return both(prompt)
    return json.dumps({"reasoning": "one tool for each job"} | json.loads(both(prompt.replace("## ]]", "## ]] LEVEL-3", 1))))


def test_chain_of_thought_that_helps_is_found_saved_and_loaded(data, tmp_path, capsys):
    with ChatServer(thinking_planner) as server:
        assert main(arguments(server, data, tmp_path, "--reasoning", "--max-metric-calls", "90")) == 0
        saved = json.loads((tmp_path / "run.json").read_text())["metadata"]["app"]
        planner = load("planner", path=tmp_path / "run.json")
        with use("openai/scripted", api_base=server.url):
            planned = planner(goal="Do job 0 with tool_a then tool_d then tool_g then tool_b.", tools=toy_row(0)["tools"])
    assert [field["name"] for field in saved["fields"]["plan"]] == ["tools", "progress", "goal", "reasoning", "plan"]
    assert {"seed", "spread", "reasoning"} <= {each["start"] for each in saved["lineage"]}
    assert len(planned.tasks) == 4 and planned.answered_by == "model"


def test_train_never_asks_the_same_twice(data, tmp_path):
    with ChatServer() as server:
        main(arguments(server, data, tmp_path))
        assert len(server.requests) == len(set(server.requests))
        asked = len(server.requests)
        first = outcome(tmp_path)
        main(arguments(server, data, tmp_path))
    assert len(server.requests) == asked
    assert outcome(tmp_path) == first


def test_train_gives_the_same_with_one_thread_and_with_eight(data, tmp_path):
    with ChatServer() as server:
        for threads in ("1", "8"):
            main(arguments(server, data, tmp_path, "--threads", threads, name=f"with-{threads}"))
    assert outcome(tmp_path, "with-1") == outcome(tmp_path, "with-8")


def test_train_with_a_larger_budget_goes_on_where_the_smaller_ended(data, tmp_path):
    with ChatServer(slowly_rising) as server:
        main(arguments(server, data, tmp_path, "--max-metric-calls", "100"))
        small, asked = outcome(tmp_path)["candidates"], keys(tmp_path)
        main(arguments(server, data, tmp_path, "--max-metric-calls", "160"))
        assert len(server.requests) == len(set(server.requests)), "nothing is paid for twice"
    large = outcome(tmp_path)["candidates"]
    assert asked < keys(tmp_path)
    assert len(large) > len(small) > 4 and texts(large)[: len(small)] == texts(small)
    for one, other in zip(small, large, strict=False):
        both_have = min(len(one["scores"]), len(other["scores"]))
        assert one["scores"][:both_have] == other["scores"][:both_have]


def keys(tmp_path, name="run"):
    return {json.loads(line)["key"] for line in (tmp_path / name / "calls.jsonl").read_text().splitlines()}


def slowly_rising(prompt):
    """Plan a little better with each level: on one more of the goals, up to level 40."""
    if "[[ ## goal ## ]]" not in prompt or "new_instruction" in prompt or "proposal" in prompt:
        return both(prompt)
    job = int(re.findall(r"Do job (\d+)", prompt)[-1])
    return levelled_planner(prompt.replace("LEVEL-", f"LEVEL-{int(job % 12 < level_of(prompt) * 2)} was ", 1))


def test_killed_five_times_on_end_gives_the_same_as_uninterrupted_and_pays_once(data, tmp_path, whole):
    draw = random.Random(7)
    with ChatServer(seconds=0.01) as server:
        argv = arguments(server, data, tmp_path, "--threads", "2")
        for _ in range(5):
            assert run_and_kill(server, tmp_path, argv, draw.randrange(1, 12)) < 0
        server.seconds = 0
        assert main(argv) == 0
    asked_again = len(server.requests) - len(set(server.requests))
    assert asked_again <= 2 * 5, "only what was on its way at a kill may be asked for again: two threads, two a kill"
    assert outcome(tmp_path) == whole


@pytest.mark.parametrize("moment", [4, 20, 36])
def test_killed_once_at_a_random_moment_gives_the_same_as_uninterrupted(data, tmp_path, whole, moment):
    with ChatServer(seconds=0.01) as server:
        assert run_and_kill(server, tmp_path, arguments(server, data, tmp_path), moment) < 0
        server.seconds = 0
        assert main(arguments(server, data, tmp_path)) == 0
    assert outcome(tmp_path) == whole


def run_and_kill(server, folder, argv, after):
    """Start the command, kill -9 it so many requests later, and return how it ended (negative: by a signal)."""
    end = len(server.requests) + after
    process = Started(main, argv, folder)
    wait_for(lambda: len(server.requests) >= end or process.poll() is not None)
    process.kill()
    process.communicate()
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_run_with_the_best_so_far_and_the_next_goes_on(data, tmp_path, whole, number):
    with ChatServer(seconds=0.02) as server:
        process = Started(main, arguments(server, data, tmp_path), tmp_path)
        wait_for(lambda: (tmp_path / "run" / "candidates.json").is_file())
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "not run: interrupted" in out and "Traceback" not in err
        assert err.startswith("\nstopping: ") and "unchanged:  the run was interrupted" in out
        saved = json.loads((tmp_path / "run" / "compiled.json").read_text())
        assert saved["metadata"]["app"]["training"]["status"] == "interrupted"
        assert not (tmp_path / "run.json").exists(), "what is not tested is not put to use"
        server.seconds = 0
        assert main(arguments(server, data, tmp_path)) == 0
    assert outcome(tmp_path) == whole


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_dead_server_stops_before_anything_is_spent_and_is_no_answer(data, tmp_path, capsys, status):
    with ChatServer(status=status) as server:
        argv = arguments(server, data, tmp_path, "--max-metric-calls", "4")
        code = main(argv)
        err = capsys.readouterr().err
        assert code == 2 and len(server.requests) == 1  # no word of the schema: not again without one
        assert err.startswith("error: the task model openai/scripted does not answer") and "Traceback" not in err
        assert (tmp_path / "run" / "calls.jsonl").read_bytes() == b""
        server.status = 200
        assert main(argv) == 0, "mended, it is asked again"


@pytest.mark.parametrize("status", [400, 404])
def test_server_that_dies_in_the_middle_stops_the_run_and_the_next_goes_on(data, tmp_path, whole, capsys, status):
    with ChatServer() as server:
        server.answer = lambda prompt: both(prompt) if len(server.requests) < 20 else fail(server, status)
        assert main(arguments(server, data, tmp_path)) == 2
        assert len(server.requests) < 40, "a dead server must not be asked for the rest of the budget"
        assert "run the same command again to resume" in capsys.readouterr().err
        server.status, server.answer = 200, both
        assert main(arguments(server, data, tmp_path)) == 0
    assert outcome(tmp_path) == whole


def fail(server, status):
    server.status = status  # no retry would help
    raise ConnectionResetError


def test_rate_limits_are_waited_out(data, tmp_path):
    with ChatServer() as server:
        server.fail_next = 3
        assert main(arguments(server, data, tmp_path, "--threads", "1")) == 0
    assert outcome(tmp_path)["kept"] == "compiled"


def test_garbage_from_the_task_model_is_refused_at_the_first_call(data, tmp_path, capsys):
    with ChatServer(lambda prompt: GARBAGE) as server:
        assert main(arguments(server, data, tmp_path)) == 2
    assert len(server.requests) == 1
    assert GARBAGE in capsys.readouterr().err


def test_garbage_from_the_task_model_later_stops_the_run(data, tmp_path, capsys):
    with ChatServer() as server:
        server.answer = lambda prompt: both(prompt) if len(server.requests) < 5 else GARBAGE
        assert main(arguments(server, data, tmp_path, "--max-metric-calls", "500")) == 2
    assert len(server.requests) < 60
    assert "in a row" in capsys.readouterr().err


def test_garbage_from_the_reflection_model_is_refused_before_anything_is_spent(data, tmp_path, capsys):
    with ChatServer(lambda prompt: GARBAGE if "new_instruction" in prompt else levelled_planner(prompt)) as server:
        assert main(arguments(server, data, tmp_path)) == 2
    assert len(server.requests) == 2
    assert "the first proposal of openai/scripted cannot be used" in capsys.readouterr().err


def test_reflection_model_that_breaks_later_stops_the_run(data, tmp_path, capsys):
    with ChatServer() as server:
        asked = []

        def answer(prompt):
            asked.append(prompt) if "new_instruction" in prompt else None
            return GARBAGE if "new_instruction" in prompt and len(asked) > 1 else both(prompt)

        server.answer = answer
        assert main(arguments(server, data, tmp_path, "--max-metric-calls", "5000")) == 2
    assert "proposals of the reflection model in a row failed" in capsys.readouterr().err


def test_cut_off_replies_count_as_unreadable_and_not_as_plans(data, tmp_path, capsys):
    with ChatServer(lambda prompt: both(prompt)[:-10]) as server:
        assert main(arguments(server, data, tmp_path)) == 2
    assert "ends before its JSON object does" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "limit"),
    [
        (["--budget-tokens", "150"], "150 tokens"),
        (["--budget-tokens", "800"], "800 tokens"),
        (["--max-metric-calls", "1"], "1 metric"),
        (["--max-metric-calls", "13"], "13 metric"),
    ],
)
def test_every_budget_is_a_limit_and_is_named(data, tmp_path, capsys, flags, limit):
    with ChatServer(stuck) as server:
        assert main(arguments(server, data, tmp_path, "--threads", "1", *flags)) == 0
    assert f"ended by {limit}" in capsys.readouterr().out
    used = report_of(tmp_path)["used"]
    if "tokens" in limit:
        assert used["tokens"] < int(flags[1]) + 15, "looked at before each call, test included; a call has 15"
    else:
        tested = sum(test["rows"] for test in report_of(tmp_path)["test"].values())
        assert used["rollouts"] - tested <= int(flags[1])


@pytest.mark.parametrize("flags", [["--max-minutes", "0"], ["--budget-tokens", "1"], ["--budget-tokens", "20"]])
@pytest.mark.parametrize("threads", ["1", "8"])
def test_a_budget_for_less_than_a_row_is_one_line(data, tmp_path, capsys, flags, threads):
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path, "--threads", threads, *flags)) == 2
    err = capsys.readouterr().err
    assert len(server.requests) <= (0 if "--max-minutes" in flags else 2)
    assert f"a budget of {flags[1]} {flags[0].rpartition('-')[2]} ends before one row is scored" in err
    assert err.count("\n") == 1 and not (tmp_path / "run.json").exists()


def test_resume_refuses_what_differs_and_names_it(data, tmp_path, capsys):
    with ChatServer() as server:
        main(arguments(server, data, tmp_path))
        capsys.readouterr()
        assert main(arguments(server, data, tmp_path, "--seed", "1")) == 2
        assert "seed: 0 -> 1" in capsys.readouterr().err
        write_toy_data(data, train=11)
        assert main(arguments(server, data, tmp_path)) == 2
        assert "(the rows)" in capsys.readouterr().err
        assert main(arguments(server, data, tmp_path, "--temperature", "0.5")) == 2
        assert "task model:" in capsys.readouterr().err


IDENTITY = ("program", "metric", "seed", "versions", "adapter", "proposer", "demonstrations", "data val")


def test_resume_refuses_a_run_of_something_else_by_name(data, tmp_path, capsys):
    with ChatServer() as server:
        argv = arguments(server, data, tmp_path, "--max-metric-calls", "6")
        main(argv)
        identity = json.loads((tmp_path / "run" / "run.json").read_text())
        asked = len(server.requests)
        for name in (*IDENTITY, "task model", "reflection model"):
            (tmp_path / "run" / "run.json").write_text(json.dumps(identity | {name: "something else"}))
            assert main(argv) == 2 and len(server.requests) == asked, name
            assert f"({CHANGED.get(name) or f'{name}: something else ->'}" in capsys.readouterr().err


def test_a_run_of_an_earlier_version_goes_on_and_pays_for_nothing_twice(data, tmp_path, capsys):
    """Its digests of code are of whole files: 16 digits, which no file that has moved has again."""
    with ChatServer() as server:
        argv = arguments(server, data, tmp_path)
        assert main(argv) == 0
        found, place = outcome(tmp_path), tmp_path / "run" / "run.json"
        today = json.loads(place.read_text())
        place.write_text(json.dumps(today | {"program": "0123456789abcdef", "metric": "fedcba9876543210"}))
        (tmp_path / "run.json").unlink()  # what was put to use
        asked = len(server.requests)
        assert main([*argv, "--resume"]) == 0
        assert len(server.requests) == asked and outcome(tmp_path) == found
        assert json.loads(place.read_text()) == today, "from now on it is told when the code changes"
    assert not (tmp_path / "run" / "old-1").exists()


def test_a_run_that_got_no_answer_is_begun_anew_with_whatever_is_asked(data, tmp_path):
    with ChatServer(status=401) as server:
        assert main(for_the_user(server, data, tmp_path)) == 2
        server.status = 200
        assert main(for_the_user(server, data, tmp_path, name="another")) == 0
        assert main(for_the_user(server, data, tmp_path, "--seed", "1")) == 0
    assert "in use" in [each["start"] for each in report_of(tmp_path)["candidates"]], "what is in use now, not then"


@pytest.mark.parametrize("place", ["a file", "a file/run"])
def test_a_folder_that_cannot_be_made_is_one_line(data, tmp_path, capsys, place):
    (tmp_path / "a file").write_text("")
    argv = ["--module", "planner", "--lm", "openai/scripted", "--data", str(data), "--run-dir", str(tmp_path / place)]
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert "cannot be used as a run folder" in err and err.count("\n") == 1


def test_rows_of_ones_own_have_their_own_folder(tmp_path, data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = ["--module", "planner", "--lm", "openai/scripted", "--max-metric-calls", "4", "--no-reasoning"]
    with ChatServer() as server:
        for rows in (data, write_toy_data(tmp_path / "others", train=11)):
            assert main([*few, "--api-base", server.url, "--data", str(rows)]) == 0
    assert {each.name for each in (tmp_path / "runs" / "planner").iterdir()} == {
        "openai--scripted--data",
        "openai--scripted--others",
    }


def test_fresh_keeps_the_old_run_beside_the_new(data, tmp_path):
    with ChatServer() as server:
        main(arguments(server, data, tmp_path))
        asked = len(server.requests)
        (tmp_path / "run.json").unlink()  # else it would begin with that
        main(arguments(server, data, tmp_path, "--fresh"))
    assert len(server.requests) == 2 * asked
    assert (tmp_path / "run" / "old-1" / "calls.jsonl").stat().st_size > 0


def test_resume_flag_without_a_run_is_refused(data, tmp_path, capsys):
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path, "--resume")) == 2
    assert "no run to resume" in capsys.readouterr().err and not server.requests


def test_two_processes_on_one_run_directory_are_refused(data, tmp_path, capsys):
    with ChatServer(seconds=0.05) as server:
        process = Started(main, arguments(server, data, tmp_path), tmp_path)
        wait_for(lambda: server.requests)
        code = main(arguments(server, data, tmp_path))
        process.kill()
        process.communicate()
    assert code == 2 and "another process is working on this run" in capsys.readouterr().err


def test_torn_last_line_of_the_journal_is_cut_off(data, tmp_path):
    with ChatServer() as server:
        main(arguments(server, data, tmp_path))
        first = outcome(tmp_path)
        journal = tmp_path / "run" / "calls.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[:7]) + lines[7][:20])
        assert main(arguments(server, data, tmp_path)) == 0
    assert outcome(tmp_path) == first


def on_a_small_disk(argv):
    """Train where no file grows beyond argv[0] bytes: the limit stands in for the end of the disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(argv[0]), int(argv[0])))
    return main(argv[1:])


def test_full_disk_stops_the_run_with_one_line_and_loses_nothing(data, tmp_path):
    with ChatServer() as server:
        main(arguments(server, data, tmp_path, "--max-metric-calls", "30"))
        asked, written = len(server.requests), (tmp_path / "run" / "calls.jsonl").stat().st_size
        process = Started(on_a_small_disk, [str(written + 2000), *arguments(server, data, tmp_path)], tmp_path)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "calls.jsonl: cannot write: " in err and "Traceback" not in err
        assert asked < len(server.requests) < asked + 20
        assert main(arguments(server, data, tmp_path)) == 0
        assert len(server.requests) <= len(set(server.requests)) + 8


def test_disk_that_is_full_from_the_start_is_one_line_and_nothing_is_spent(data, tmp_path):
    with ChatServer() as server:
        process = Started(on_a_small_disk, ["1000", *arguments(server, data, tmp_path)], tmp_path)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and not server.requests
    assert "cannot be written: " in err and err.count("\n") == 1


def test_key_reaches_the_server_and_no_file(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DSPY_PROGRAMS_API_KEY", "sk-very-secret")
    with ChatServer(key="sk-very-secret") as server:
        assert main(arguments(server, data, tmp_path)) == 0
    printed = capsys.readouterr()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(b"sk-very-secret" in path.read_bytes() for path in files)
    assert "sk-very-secret" not in printed.out + printed.err


def test_wrong_key_is_one_line_without_the_key(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DSPY_PROGRAMS_API_KEY", "sk-wrong-secret")
    with ChatServer(key="sk-right") as server:
        assert main(arguments(server, data, tmp_path)) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "sk-wrong-secret" not in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--module", "plannr"], "unknown module 'plannr'; choose from actor, code_editor"),
        (["--module", "planner", "--lm", "gpt-4"], "is not a model: write provider/name"),
        (["--module", "planner", "--lm", "local/qwen"], "qwen2.5-coder-1.5b"),
        (["--module", "planner", "--data", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(argv, message, capsys):
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["--module"], ["--module", "planner", "--threads", "0"], ["--nonsense"]])
def test_wrong_flags_are_exit_code_2(argv):
    assert main(argv) == 2


def test_bad_row_is_named_before_anything_is_spent(data, tmp_path, capsys):
    with (data / "val.jsonl").open("a") as file:
        file.write('{"id": "x", "goal": 7, "tools": [], "progress": "", "tasks": []}\n')
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path)) == 2
    assert "val.jsonl:7: goal:" in capsys.readouterr().err and not server.requests


def test_test_rows_that_are_also_in_train_are_refused(data, tmp_path, capsys):
    (data / "test.jsonl").write_text((data / "train.jsonl").read_text())
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path)) == 2
    assert "test must stay unseen" in capsys.readouterr().err


def test_row_that_no_answer_could_be_right_for_is_refused(data, tmp_path, capsys):
    rows = [json.loads(line) for line in (data / "train.jsonl").read_text().splitlines()]
    rows[3]["tasks"][0]["tool"] = "a tool that is not on offer"
    (data / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path)) == 2 and not server.requests
    line = capsys.readouterr().err
    assert repr(rows[3]["id"]) in line and "not one of the tools" in line and line.count("\n") == 1


def test_dry_run_spends_and_writes_nothing(data, tmp_path, capsys):
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path, "--dry-run")) == 0
    assert "budget       60 metric calls" in capsys.readouterr().out
    assert not server.requests and not (tmp_path / "run").exists()


def test_dry_run_says_what_the_runs_folder_would_say(data, tmp_path, capsys):
    with ChatServer() as server:
        main(arguments(server, data, tmp_path, "--max-metric-calls", "4"))
        before = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}
        capsys.readouterr()
        assert main(arguments(server, data, tmp_path, "--dry-run")) == 0
        assert "resumes" in capsys.readouterr().out
        assert main(arguments(server, data, tmp_path, "--dry-run", "--seed", "1")) == 2
        assert "seed: 0 -> 1" in capsys.readouterr().err
        assert main(arguments(server, data, tmp_path, "--dry-run", "--seed", "1", "--fresh")) == 0
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}


def test_help_is_quick():
    """Importing dspy takes a second or two; asking for help must not. Seconds of the processor: the machine is shared."""
    before = os.times()
    command = [sys.executable, "-m", "optimizers.train", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    after = os.times()
    assert "--max-metric-calls" in done.stdout
    assert after.children_user - before.children_user + after.children_system - before.children_system < 0.5


def test_search_ends_when_every_row_is_perfect_and_the_budget_cannot_be_reached(data, tmp_path, capsys):
    with ChatServer(lambda prompt: both(prompt.replace("[[ ## goal ## ]]", "LEVEL-9 [[ ## goal ## ]]"))) as server:
        assert main(arguments(server, data, tmp_path, "--budget-tokens", "100000")) == 0
    assert "ended by a perfect score on every validation row" in capsys.readouterr().out


def test_budget_in_money_is_refused_where_nothing_has_a_price(data, tmp_path, capsys):
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path, "--max-usd", "1")) == 2
    assert "DSPy has no price for openai/scripted" in capsys.readouterr().err and len(server.requests) == 2


# What is put to use ------------------------------------------------------------------------------------------------------


def score_of(path, server, data):
    """The mean score on the validation rows of the program that a file holds; None: as it was written."""
    planner, metric = load("planner", path=path) if path else RECIPES["planner"].program(), RECIPES["planner"].metric
    rows = read_split(data / "val.jsonl", type(planner), RECIPES["planner"].labels)
    with use("openai/scripted", api_base=server.url):
        return sum(metric(row, planner(**row.inputs())).value for row in rows) / len(rows)


def test_interrupted_first_training_leaves_what_is_in_use(data, tmp_path):
    """Nothing of the user's own, so what is shipped, or the program as it was written."""
    with ChatServer(seconds=0.02) as server:
        process = Started(main, for_the_user(server, data, tmp_path), tmp_path)
        wait_for(lambda: (tmp_path / "run" / "candidates.json").is_file())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130 and not used(tmp_path).exists()


def test_interrupted_later_training_leaves_what_is_in_use(data, tmp_path):
    with ChatServer() as server:
        main(for_the_user(server, data, tmp_path, "--max-metric-calls", "30"))
        before = used(tmp_path).read_bytes()
        server.seconds = 0.02
        process = Started(main, for_the_user(server, data, tmp_path, "--seed", "1", name="later"), tmp_path)
        wait_for(lambda: (tmp_path / "later" / "candidates.json").is_file() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130 and used(tmp_path).read_bytes() == before


def test_larger_budget_in_the_same_folder_replaces_the_runs_own_smaller_result(data, tmp_path, capsys):
    with ChatServer() as server:
        main(for_the_user(server, data, tmp_path, "--max-metric-calls", "26"))
        before, first = used(tmp_path).read_bytes(), report_of(tmp_path)
        assert first["promoted"] and first["test"]["compiled"]["mean"] < 1
        main(for_the_user(server, data, tmp_path, "--max-metric-calls", "90"))
        second = report_of(tmp_path)
        assert second["promoted"] and used(tmp_path).read_bytes() != before
        assert second["test"]["in use"] == first["test"]["compiled"] and second["test"]["gain"]["low"] > 0
        capsys.readouterr()
        main(for_the_user(server, data, tmp_path, "--max-metric-calls", "90"))
        assert "the program already in use is the best" in capsys.readouterr().out
        after = used(tmp_path).read_bytes(), report_of(tmp_path)
        main(for_the_user(server, data, tmp_path, "--max-metric-calls", "5"))
        assert "the report of the finished run stays" in capsys.readouterr().out
        assert (used(tmp_path).read_bytes(), report_of(tmp_path)) == after


def test_bad_first_reply_is_forgotten_once_the_server_is_mended(data, tmp_path, capsys):
    with ChatServer(lambda prompt: "<html>busy</html>") as server:
        assert main(arguments(server, data, tmp_path, "--max-metric-calls", "4")) != 0
        assert "cannot be used" in capsys.readouterr().err
        server.answer = both
        assert main(arguments(server, data, tmp_path, "--max-metric-calls", "4")) == 0


def test_prompts_too_long_for_the_model_do_not_end_a_search(data, tmp_path, capsys):
    def small(prompt):
        if "[[ ## goal ## ]]" in prompt and prompt.count("[[ ## goal ## ]]") > 1:
            raise ContextTooLong
        return both(prompt)

    with ChatServer(small) as server:
        assert main(arguments(server, data, tmp_path)) == 0
    report = report_of(tmp_path)
    assert report["test"]["compiled"]["mean"] > report["test"]["seed"]["mean"], "an instruction is still found"


@pytest.mark.parametrize("there", [{}, {"calls.jsonl": ""}], ids=["no run", "a run without an answer"])
def test_fresh_leaves_files_of_the_user_where_they_are(data, tmp_path, there):
    (tmp_path / "run").mkdir()
    own = {"notes.txt": "mine", ".env": "A=1", "rows.jsonl": "{}"}
    for name, text in (own | there).items():
        (tmp_path / "run" / name).write_text(text)
    with ChatServer() as server:
        for _ in range(2):
            assert main(arguments(server, data, tmp_path, "--max-metric-calls", "4", "--fresh")) == 0
    assert {name: (tmp_path / "run" / name).read_text() for name in own} == own
    assert not list((tmp_path / "run").glob("old-*/notes.txt")) and list((tmp_path / "run").glob("old-*/run.json"))


def test_folder_with_a_report_of_something_else_is_refused(data, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.json").write_text("mine")
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path)) == 2
    assert "give another --run-dir" in capsys.readouterr().err
    assert (tmp_path / "run" / "report.json").read_text() == "mine"


@pytest.mark.parametrize("flag", ["--max-minutes", "--max-usd"])
def test_limit_that_is_no_number_is_refused(data, tmp_path, capsys, flag):
    with ChatServer() as server:
        assert main(arguments(server, data, tmp_path, flag, "inf")) == 2 and not server.requests
    assert "omit it for no limit" in capsys.readouterr().err


def test_interrupted_going_on_of_a_run_that_ended_keeps_its_report(data, tmp_path):
    with ChatServer() as server:
        main(for_the_user(server, data, tmp_path, "--max-metric-calls", "20"))
        kept = {name: (tmp_path / "run" / name).read_bytes() for name in ("report.json", "compiled.json")}
        paid, server.seconds = len(server.requests), 0.02
        process = Started(main, for_the_user(server, data, tmp_path, "--max-metric-calls", "300"), tmp_path)
        wait_for(lambda: len(server.requests) > paid + 5)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "the report of the finished run stays" in out
    assert kept == {name: (tmp_path / "run" / name).read_bytes() for name in kept}


def test_a_small_run_after_a_large_one_does_not_replace_it(data, tmp_path, capsys):
    with ChatServer() as server:
        main(for_the_user(server, data, tmp_path))
        before = used(tmp_path).read_bytes()
        for calls in ("4", "10"):
            capsys.readouterr()
            small = for_the_user(server, data, tmp_path, "--max-metric-calls", calls, "--seed", "1", name=f"small-{calls}")
            assert main(small) == 0
            assert "unchanged: " in capsys.readouterr().out
            assert used(tmp_path).read_bytes() == before
            assert (tmp_path / f"small-{calls}" / "in-use.json").read_bytes() == before


def test_a_second_training_starts_from_what_is_in_use_and_never_ends_with_worse(data, tmp_path):
    with ChatServer(slowly_rising) as server:
        main(for_the_user(server, data, tmp_path, "--max-metric-calls", "60"))
        in_use = used(tmp_path).read_bytes()
        assert score_of(used(tmp_path), server, data) > score_of(None, server, data)
        for answer in (slowly_rising, stuck, both):
            used(tmp_path).write_bytes(in_use)
            server.answer, name = answer, f"again-{answer.__name__}"
            first = score_of(used(tmp_path), server, data)
            assert main(for_the_user(server, data, tmp_path, "--seed", "1", name=name)) == 0
            starts = [each["start"] for each in report_of(tmp_path, name)["candidates"]]
            assert starts[:2] == ["seed", "in use"] or answer is stuck
            assert score_of(used(tmp_path), server, data) >= first, name


def good_at_home_alone(prompt):
    """The better the instruction, the worse the plans for goals from abroad."""
    goal = prompt.rsplit("[[ ## goal ## ]]", 1)[-1]
    if "new_instruction" in prompt or "abroad" not in goal or not level_of(prompt):
        return both(prompt)
    return plan_reply([next(tool for tool in (f"tool_{letter}" for letter in "abcdefgh") if f"{tool}." not in goal)])


def test_what_is_worse_on_rows_of_other_sources_is_not_put_to_use(data, tmp_path, capsys):
    abroad = [toy_row(number) for number in range(500, 506)]
    lines = [json.dumps(row | {"goal": row["goal"].replace("Do job", "Do abroad job")}) + "\n" for row in abroad]
    (data / "transfer_val.jsonl").write_text("".join(lines))
    with ChatServer(good_at_home_alone) as server:
        assert main(for_the_user(server, data, tmp_path)) == 0
        test = report_of(tmp_path)["test"]
        assert test["elsewhere"]["rows"] == 6 and test["elsewhere"]["high"] < 0 < test["difference"]["low"]
        assert "unchanged:  it is worse on rows from other sources" in capsys.readouterr().out and not used(tmp_path).exists()
        assert main(for_the_user(server, data, tmp_path, "--transfer-rows", "0", name="at-home")) == 0
    assert "elsewhere" not in report_of(tmp_path, "at-home")["test"] and used(tmp_path).exists()


def only_level_one(prompt):
    return json.dumps({"new_instruction": "Plan the tasks. LEVEL-1"}) if "new_instruction" in prompt else both(prompt)


def test_what_is_better_replaces_what_is_in_use_and_the_old_one_is_kept(data, tmp_path, capsys):
    with ChatServer(only_level_one) as server:
        main(for_the_user(server, data, tmp_path))
        before, first = used(tmp_path).read_bytes(), score_of(used(tmp_path), server, data)
        server.answer = both
        assert main(for_the_user(server, data, tmp_path, "--max-metric-calls", "120", "--seed", "1", name="again")) == 0
        assert score_of(used(tmp_path), server, data) > first
    assert f"in use now  {used(tmp_path)}" in capsys.readouterr().out
    assert "gain" in report_of(tmp_path, "again")["test"]
    assert before in [path.read_bytes() for path in used(tmp_path).parent.rglob("*.json") if path != used(tmp_path)]


def test_a_file_in_use_that_cannot_be_used_is_replaced(data, tmp_path):
    with ChatServer() as server:
        main(for_the_user(server, data, tmp_path))
        whole = used(tmp_path).read_text()
        damages = {
            "torn": whole[:-100].encode(),
            "binary": b"\x00\xff\xfe" * 100,
            "drifted": whole.replace('"fewest"', "").replace("the tools on offer", "other tools").encode(),
            "other-model": whole.replace("openai/scripted", "openai/other").encode(),
        }
        for name, damaged in damages.items():
            assert damaged != whole.encode()
            used(tmp_path).write_bytes(damaged)
            assert main(for_the_user(server, data, tmp_path, "--seed", "1", name=name)) == 0
            assert score_of(used(tmp_path), server, data) == 1.0, name


def test_a_place_that_cannot_be_written_is_one_line_before_anything_is_spent(data, tmp_path, capsys):
    (tmp_path / "compiled").write_text("a file where the folder should be")
    with ChatServer() as server:
        assert main(for_the_user(server, data, tmp_path)) == 2
    err = capsys.readouterr().err
    assert not server.requests and str(tmp_path / "compiled") in err and err.count("\n") == 1


def test_the_printed_line_loads_what_was_just_trained(data, tmp_path, capsys):
    with ChatServer() as server:
        few = "--max-metric-calls", "30"
        for argv in (arguments(server, data, tmp_path, *few), for_the_user(server, data, tmp_path, *few, name="users")):
            main(argv)
            out = capsys.readouterr().out
            line = re.findall(r"(?m)^use +(.*)$", out)[-1]
            names = {}
            exec(line, names)
            assert f"with use('openai/scripted', api_base='{server.url}'): program(...)" in out
            assert "LEVEL-" in names["program"].plan.signature.instructions


def test_all_goes_on_past_a_program_that_fails_and_says_so_at_the_end(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ChatServer(only_the_planner) as server:
        few = ["--max-metric-calls", "4", "--train-rows", "20", "--val-rows", "2", "--test-rows", "2", "--no-reasoning"]
        code = main(["--module", "all", "--lm", "openai/scripted", "--api-base", server.url, *few, "--transfer-rows", "0"])
    out, err = capsys.readouterr()
    assert code == 2 and err.count("\n") == 1 and f"{len(RECIPES) - 2} of {len(RECIPES)} programs failed" in err
    assert err.endswith("Done: failure_judge, planner\n")  # the judge's few rows need no model
    assert out.count("\nfailed      ") == len(RECIPES) - 2
    assert (tmp_path / "runs" / "planner" / "openai--scripted" / "report.json").is_file()


def only_the_planner(prompt):
    if "new_instruction" in prompt:
        return json.dumps({"new_instruction": "Plan."})
    return plan_reply(["x"]) if "rationale" in prompt else GARBAGE

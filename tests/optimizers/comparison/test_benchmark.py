"""The benchmark command against a scripted server, whole, killed and dead; and the figures of its report."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from optimizers.benchmark import main
from optimizers.calls import Used
from optimizers.comparison import OPTIMIZERS, Wanted, as_json, as_markdown, plot, report_of
from optimizers.comparison.benchmark_report import best_so_far_curve
from optimizers.comparison.benchmarking import SteadyMeter
from optimizers.recipes import RECIPES
from optimizers.scoring import bootstrap, bootstrap_of_means
from tests.fakes import ChatServer, any_prompt, write_toy_data
from tests.processes import Started

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = 3  # prompts for instructions that MIPROv2 asks again, each under a rollout id of its own: another answer
TIMES = ("minutes", "engine", "wall_minutes")  # no two runs take the same


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_toy_data(tmp_path / "data")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One benchmark from start to end: (its folder, the requests it made)."""
    place = tmp_path_factory.mktemp("whole")
    with ChatServer(any_prompt) as server:
        assert main(arguments(server, write_toy_data(place / "data"))) == 0
        return place / "out", list(server.requests)


def arguments(server, data, *more):
    fixed = ["--module", "planner", "--lm", "openai/scripted", "--api-base", server.url, "--data", str(data)]
    return [*fixed, "--metric-calls", "30", "--threads", "2", "--out", str(data.parent / "out"), "--quick", *more]


def folder(data):
    return data.parent / "out" / "openai--scripted"


def report(out):
    """Read report.json without what depends on the clock."""
    return without_times(json.loads((out / "openai--scripted" / "report.json").read_text()))


def without_times(value):
    if not isinstance(value, dict):
        return value
    return {name: without_times(each) for name, each in value.items() if name not in TIMES}


def lines(data):
    return (folder(data) / "results.jsonl").read_text().splitlines()


def test_benchmark_tells_every_optimizer_and_pays_for_nothing_twice(data, whole, capsys):
    out, requests = whole
    assert len(requests) - len(set(requests)) == SAMPLES, "the journal is shared by all optimizers"
    shutil.copytree(out, data.parent / "out")
    with ChatServer(any_prompt) as server:
        assert main(arguments(server, data)) == 0
        assert not server.requests
    assert report(data.parent / "out") == report(out) and len(lines(data)) == len(OPTIMIZERS)
    figures = report(out)["programs"]["planner"]["optimizers"]
    assert list(figures) == list(OPTIMIZERS) and report(out)["mean"]["programs"] == ["planner"]
    assert figures["seed"]["metric_calls"] == figures["labelled"]["metric_calls"] == 0
    assert figures["ours"]["lift"]["low"] > 0 and figures["seed"]["lift"] is None
    assert all(24 <= figures[name]["metric_calls"] <= 42 for name in OPTIMIZERS if name not in ("seed", "labelled"))
    assert (folder(data) / "report.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "6 of 6 runs are already in" in printed and "| ours | 0." in printed


def test_answers_that_train_has_paid_for_are_replayed(data, whole):
    runs = data.parent / "runs" / "planner" / "openai--scripted"
    runs.mkdir(parents=True)
    shutil.copy(whole[0] / "openai--scripted" / "planner.calls.jsonl", runs / "calls.jsonl")
    with ChatServer(any_prompt) as server:
        assert main(arguments(server, data)) == 0
        assert not server.requests
    assert report(data.parent / "out") == report(whole[0])


def test_dead_model_stops_it_and_the_next_goes_on_where_it_was(data, whole, capsys):
    out, requests = whole
    with ChatServer(any_prompt) as server:
        server.answer = lambda prompt: any_prompt(prompt) if len(server.requests) <= len(requests) // 2 else refuse(server)
        assert main(arguments(server, data)) == 2
        err = capsys.readouterr().err
        assert "does not answer" in err and "Traceback" not in err
        assert 0 < len(lines(data)) < len(OPTIMIZERS)
        broken = report(data.parent / "out")
        figures = broken["programs"]["planner"]["optimizers"]
        assert figures["ours"] is None and broken["mean"]["programs"] == []
        assert len([name for name in figures if figures[name]]) == len(lines(data))
        server.status, server.answer = 200, any_prompt
        assert main(arguments(server, data)) == 0
        again = len(server.requests) - len(set(server.requests))
    assert again <= SAMPLES + 4, "only what was cut off, tried again and refused, in two threads"
    assert report(data.parent / "out") == report(out)


def refuse(server):
    server.status = 401
    raise ConnectionResetError


def test_model_that_is_dead_from_the_start_gives_no_figure(data, capsys):
    with ChatServer(status=401) as server:
        assert main(arguments(server, data)) == 2
    assert "error: the task model openai/scripted does not answer" in capsys.readouterr().err
    assert lines(data) == [] if (folder(data) / "results.jsonl").is_file() else True
    assert "Not run." in (folder(data) / "report.md").read_text()


def start(argv, cwd):
    command = [sys.executable, "-m", "optimizers.benchmark", *argv]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "DSPY_CACHEDIR": str(cwd / "cache"), "HOME": str(cwd)}
    return subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_killed_at_a_random_moment_it_gives_the_same_report_and_two_at_once_are_refused(data, whole, capsys):
    out, requests = whole
    moment = random.Random(3).randrange(5, len(requests))
    with ChatServer(any_prompt, seconds=0.01) as server:
        process = Started(main, arguments(server, data), data.parent)
        wait_for(lambda: len(server.requests) >= moment or process.poll() is not None)
        assert main(arguments(server, data)) == 2
        assert "another benchmark is running here" in capsys.readouterr().err
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        server.seconds = 0
        assert main(arguments(server, data)) == 0
        assert len(server.requests) - len(set(server.requests)) <= SAMPLES + 2
    assert report(data.parent / "out") == report(out)


def test_signal_ends_it_with_one_line_and_what_is_finished_stays(data, tmp_path):
    with ChatServer(any_prompt, seconds=0.02) as server:
        process = start(arguments(server, data), tmp_path)
        wait_for(lambda: len(server.requests) >= 30 or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err, err
    assert "stopped; finished runs are in" in err.splitlines()[-1]
    assert [json.loads(line)["optimizer"] for line in lines(data)][:2] == ["seed", "labelled"]


def test_torn_last_line_is_dropped_and_run_again(data, whole):
    shutil.copytree(whole[0], data.parent / "out")
    before = lines(data)
    results = folder(data) / "results.jsonl"
    results.write_text("\n".join(before)[: -len(before[-1]) // 2])
    with ChatServer(any_prompt) as server:
        assert main(arguments(server, data, "--report-only")) == 0
        assert report(data.parent / "out")["programs"]["planner"]["optimizers"]["ours"] is None
        assert main(arguments(server, data)) == 0
        assert not server.requests
    assert report(data.parent / "out") == report(whole[0])
    assert [json.loads(line)["key"] for line in lines(data)] == [json.loads(line)["key"] for line in before]


@pytest.mark.parametrize("line", ["{}", '{"key": 1', "\x00"])
def test_line_that_is_no_run_is_refused(line, data, capsys):
    folder(data).mkdir(parents=True)
    (folder(data) / "results.jsonl").write_text(line + "\n")
    with ChatServer(any_prompt) as server:
        assert main(arguments(server, data)) == 2
        assert not server.requests
        assert "results.jsonl:1" in capsys.readouterr().err
        assert main(arguments(server, data, "--optimizers", "seed", "--fresh")) == 0
    assert (folder(data) / "old-1" / "results.jsonl").read_text() == line + "\n"


def test_report_alone_asks_nothing_and_shows_what_is_missing(data, capsys):
    with ChatServer(any_prompt) as server:
        main(arguments(server, data, "--optimizers", "labelled"))
        asked = len(server.requests)
        capsys.readouterr()
        assert main(arguments(server, data, "--report-only")) == 0
        assert len(server.requests) == asked
    out = capsys.readouterr().out
    assert "| ours | not run | - |" in out and "| labelled | 0." in out
    assert "No program has been finished by all of these optimizers yet" in out


def test_other_budget_rows_or_seed_is_another_run(data):
    with ChatServer(any_prompt) as server:
        for more in ([], ["--metric-calls", "31"], ["--test-rows", "5"], ["--seeds", "2"]):
            argv = [word for word in arguments(server, data, "--optimizers", "seed", *more) if word != "--quick" or not more]
            before = len(lines(data)) if more else 0
            assert main([*argv, *([] if "--seeds" in more else ["--seeds", "1"])]) == 0
            assert len(lines(data)) == before + 1
    assert report(data.parent / "out")["programs"]["planner"]["optimizers"]["seed"]["seeds"] == [0, 1]


def test_optimizer_that_fails_is_told_and_compared_with_nobody(data, capsys):
    def answer(prompt):
        return '{"proposed_instruction": "It never | ends' if "proposed_instruction" in prompt else any_prompt(prompt)

    with ChatServer(answer) as server:
        assert main(arguments(server, data, "--optimizers", "MIPROv2,labelled")) == 0
        asked = len(server.requests)
        main(arguments(server, data, "--optimizers", "MIPROv2,labelled"))
        assert len(server.requests) == asked and len(lines(data)) == 3
    assert "test" not in report(data.parent / "out")["programs"]["planner"]["optimizers"]["MIPROv2"]
    out = capsys.readouterr().out
    assert "| MIPROv2 | failed | - |" in out and "MIPROv2, seed 0, failed: AdapterParseError" in out
    assert "No program has been finished by all" in out


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["--optimizers", "COPRO"], "unknown optimizer 'COPRO'; choose from seed, labelled, dspy.GEPA"),
        (["--module", "writer"], "unknown module 'writer'"),
        (["--module", "all"], "--data applies to one program"),
        (["--fresh", "--report-only"], "--fresh leaves nothing to report"),
        (["--lm", "gpt"], "is not a model"),
    ],
)
def test_what_cannot_be_used_is_one_line(argv, line, data, capsys):
    with ChatServer(any_prompt) as server:
        assert main(arguments(server, data, *argv)) == 2
        assert not server.requests
    err = capsys.readouterr().err
    assert line in err and err.count("\n") == 1


@pytest.mark.parametrize("package", ["optuna", "matplotlib"])
def test_missing_package_is_one_line_with_the_command(package, data, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with ChatServer(any_prompt) as server:
        assert main(arguments(server, data)) == 2
        assert not server.requests
    err = capsys.readouterr().err
    assert package in err and 'pip install "dspy-programs[benchmark]"' in err and err.count("\n") == 1


def test_report_of_all_programs_names_each(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--report-only", "--quick", "--optimizers", "seed"]) == 0
    assert capsys.readouterr().out.count("Not run.") == len(RECIPES)
    assert (tmp_path / "benchmarks" / "qwen2.5-coder-1.5b" / "report.json").is_file()


def record(test, history=(), failure="", **figures):
    costs = {"metric_calls": 10, "lm_calls": 5, "tokens": 100, "minutes": 2.0, "test_calls": 4, "test_prompt_tokens": 80}
    times = {"asked_seconds": 30.0, "wall_seconds": 60.0}
    return {"test": test, "history": list(history), "failure": failure, "seed": 0, **costs, **times, **figures}


def report_on(*runs, seeds=1):
    """Make a report of (program, optimizer, seed, record or None)."""
    sizes = {run[0]: {"metric_calls": 10, "train": 4, "val": 2, "test": 2} for run in runs}
    about = {"models": {"task": "openai/a", "reflection": "openai/b"}, "versions": {"dspy": "3.4.1"}, "seeds": seeds}
    return report_of([Wanted(*run) for run in runs], sizes, about)


def test_lift_is_paired_by_row_and_averaged_over_seeds():
    runs = [("p", "seed", seed, record([0.0, 0.5], seed=seed)) for seed in (0, 1)]
    runs += [("p", "ours", 0, record([0.2, 0.7])), ("p", "ours", 1, record([0.4, 0.9], seed=1))]
    figures = as_json(report_on(*runs, seeds=2))["programs"]["p"]["optimizers"]["ours"]
    assert figures["lift"]["mean"] == figures["lift"]["low"] == figures["lift"]["high"] == pytest.approx(0.3)
    assert figures["test"]["mean"] == pytest.approx(0.55) and figures["test"]["low"] == pytest.approx(0.3)
    assert figures["test_by_seed"] == pytest.approx([0.45, 0.65]) and figures["engine"] == 0.5
    assert figures["prompt_tokens_per_call"] == 20


def test_mean_is_over_programs_that_all_finished_alone():
    whole = [(p, o, 0, record([v, v])) for p, v in (("a", 0.2), ("b", 0.4)) for o in ("seed", "ours")]
    partly = [("c", "seed", 0, record([1.0, 1.0])), ("c", "ours", 0, None)]
    failed = [("d", "seed", 0, record([1.0, 1.0])), ("d", "ours", 0, record([], failure="too | long\n"))]
    made = report_on(*whole, *partly, *failed)
    assert made.compared == ["a", "b"] and made.of_mean("ours")["test"].mean == pytest.approx(0.3)
    text = as_markdown(made)
    assert "Mean over a, b, which" in text and "because not all finished them: c, d." in text
    assert "| ours | not run | - |" in text and "ours, seed 0, failed: too / long" in text
    widths = {line.count("|") for line in text.split("## c")[1].splitlines() if line.startswith("|")}
    assert len(widths) == 1, "a table whose rows differ in columns"


def test_two_of_three_seeds_are_not_finished_and_say_so():
    runs = [("p", "ours", seed, record([0.5, 0.5], seed=seed) if seed < 2 else None) for seed in range(3)]
    made = report_on(*runs, seeds=3)
    assert made.compared == [] and "0.500 0.500 (2 of 3)" in as_markdown(made)


def test_nothing_run_gives_a_report_without_a_number():
    made = report_on(("p", "seed", 0, None), ("p", "ours", 0, None))
    assert as_json(made)["programs"]["p"]["optimizers"] == {"seed": None, "ours": None}
    assert "Not run." in as_markdown(made) and plot(made).startswith(b"\x89PNG")


def test_line_averages_the_best_so_far_from_where_every_run_has_one():
    runs = [("p", "ours", 0, record([0.5], [(2, 0.2), (6, 0.6)])), ("p", "ours", 1, record([0.5], [(4, 0.4), (8, 1.0)]))]
    made = report_on(*runs, seeds=2)
    assert best_so_far_curve(made, "ours", ["p"]) == [(4, pytest.approx(0.3)), (6, pytest.approx(0.5)), (8, pytest.approx(0.8))]
    assert [x for x, _ in best_so_far_curve(made, "ours", ["p"], share=True)] == [0.4, 0.6, 0.8]
    assert best_so_far_curve(report_on(("p", "seed", 0, record([0.5]))), "seed", ["p"]) == []


def test_mean_of_means_draws_within_each_sample():
    assert bootstrap_of_means([[0.1, 0.9, 0.4]]) == bootstrap([0.1, 0.9, 0.4])
    assert bootstrap_of_means([[0.0] * 9, [1.0]]).mean == 0.5
    constant = bootstrap_of_means([[0.0, 0.0], [1.0, 1.0]])
    assert (constant.low, constant.high, constant.rows) == (0.5, 0.5, 4)


def test_answer_of_another_run_does_not_move_the_clock():
    meter = SteadyMeter(clock=lambda: 0.0)
    meter.count("task", Used(calls=1, seconds=3.0), at=1e6, replayed=True)
    assert (meter.elapsed, meter.asked_seconds, meter.roles["task"].seconds) == (0.0, 0.0, 3.0)
    meter.count("task", Used(calls=1, seconds=2.0), at=0.0, replayed=False)
    assert meter.asked_seconds == 2.0 and meter.replayed_calls == 1

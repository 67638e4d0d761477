"""The evaluate command against a scripted server: what it prints, what it pays for, what it refuses."""

import json

import pytest

from metrics.score import Score
from optimizers.evaluate import main, table
from optimizers.measures import Evaluation
from optimizers.recipes import RECIPES
from tests.fakes import ChatServer, write_toy_data


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(tmp_path / "compiled"))


@pytest.fixture
def data(tmp_path):
    return write_toy_data(tmp_path / "data")


def arguments(server, *more, module="planner"):
    return ["--module", module, "--lm", "openai/scripted", "--api-base", server.url, "--threads", "1", *more]


def test_evaluate_tells_twin_and_seed_and_writes_every_row(data, tmp_path, capsys):
    with ChatServer() as server:
        assert main(arguments(server, "--data", str(data), "--json", "scores.json")) == 0
    out = capsys.readouterr().out
    assert "planner is not compiled for openai/scripted" in out
    assert "\nrules " in out and "\nuncompiled " in out and "\ncompiled " not in out
    [program] = json.loads((tmp_path / "scores.json").read_text())["programs"]
    assert len(program["rows"]) == 8 and program["lift"] is None
    assert [len(program["variants"][name]["rows"]) for name in ("twin", "seed")] == [8, 8]
    assert len(server.requests) == 8, "the twin asks no model"
    assert 0 < program["variants"]["seed"]["mean"]["mean"] < 1


def test_evaluate_takes_one_file_of_rows(data, capsys):
    with ChatServer() as server:
        assert main(arguments(server, "--data", str(data / "val.jsonl"))) == 0
        assert len(server.requests) == 6
    assert "\nuncompiled " in capsys.readouterr().out


def test_evaluate_again_pays_for_nothing_and_fresh_does(data, capsys):
    with ChatServer() as server:
        main(arguments(server, "--data", str(data)))
        paid = len(server.requests)
        assert paid == 8
        main(arguments(server, "--data", str(data)))
        assert len(server.requests) == paid
        assert "8 of 8 answers replayed" in capsys.readouterr().out
        main(arguments(server, "--data", str(data), "--fresh"))
        assert len(server.requests) == 2 * paid


def test_dead_server_gives_one_line_and_no_figure(data, capsys):
    with ChatServer(status=401) as server:
        assert main(arguments(server, "--data", str(data))) == 2
    out, err = capsys.readouterr()
    assert "does not answer" in err and "\nuncompiled " not in out


@pytest.mark.parametrize("flag", ["--data", "--compiled"])
def test_all_refuses_what_belongs_to_one_program(flag, data, capsys):
    with ChatServer() as server:
        assert main(arguments(server, flag, str(data), module="all")) == 2
        assert not server.requests
    assert "apply to one program" in capsys.readouterr().err


def test_all_survives_a_model_that_talks_nonsense_and_tells_every_program(capsys):
    with ChatServer(lambda prompt: 'Sure! {"plan": [[[ "' + "\x00\ud83d ]]") as server:
        assert main(arguments(server, "--rows", "2", module="all")) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == sorted(RECIPES)


def scored(*values):
    return [Score(value, "", {}) for value in values]


def test_table_has_lift_and_cost_where_something_is_compiled():
    scores = {"twin": scored(0.1, 0.1), "seed": scored(0.2, 0.4), "compiled": scored(0.4, 0.6)}
    both = Evaluation("planner", [{"id": 1}, {"id": 2}], (), scores, {"rollouts": 40, "minutes": 12.5})
    lines = list(table([both]))
    assert lines[2].startswith("| planner | 2 | 0.100 [0.100, 0.100] | 0.300 [")
    assert lines[2].endswith("| 0.200 [0.200, 0.200] | 40 | 12.5 |")
    assert lines[3] == "Mean lift, 1 compiled: 0.200 [0.200, 0.200]"
    assert (
        "not compiled | - | - | - |" in list(table([Evaluation("x", [{}], (), {"twin": scored(1), "seed": scored(1)}, {})]))[2]
    )


def test_groups_that_no_row_tells_are_not_told(tmp_path, capsys):
    rows = [{"task": f"Do {number}.", "tools": [{"name": "f"}], "calls": [{"tool": "f", "accepted": {}}]} for number in "123"]
    with ChatServer(lambda prompt: "{}") as server:
        for kind, told in (("", 0), ("simple", 1)):
            (tmp_path / "own.jsonl").write_text("".join(json.dumps(row | {"kind": kind}) + "\n" for row in rows))
            assert main(arguments(server, "--data", "own.jsonl", module="actor")) == 0
            assert capsys.readouterr().out.count("| kind |") == told


def test_groups_are_told_the_most_frequent_first():
    rows = [{"mode": mode} for mode in ("b", "a", "a")]
    evaluation = Evaluation("x", rows, ("mode",), {"seed": scored(0.0, 0.5, 1.0)}, {})
    assert evaluation.members("mode") == {"a": [1, 2], "b": [0]}
    assert evaluation.interval("seed", [1, 2]).mean == 0.75

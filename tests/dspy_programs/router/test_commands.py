"""`dspy-programs route`: G12. Exit codes, tables, JSON, errors in one line."""

import json
import subprocess
import sys

import pytest
import yaml

from dspy_programs.__main__ import main
from tests.openai_server import openai_servers
from tests.router_support import asks, entry
from tests.servers import environment


def route(*words):
    return main(["route", *map(str, words)])


@pytest.fixture
def file(tmp_path):
    def write(*servers, **settings):
        path = tmp_path / "router.yaml"
        models = [entry(number, api_base=server.base) for number, server in enumerate(servers)] or [entry(0), entry(1)]
        path.write_text(yaml.safe_dump({"models": models, "fallback": {"backoff_seconds": 0.0}, **settings}))
        return path

    return write


def test_g12_models_lists_the_shipped_catalogue(capsys):
    assert route("models") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7 and lines[0].split()[:2] == ["model", "ms"]
    assert lines[6].endswith("quality") and "speed, cost, balanced" in lines[1]


def test_g12_models_as_json(file, capsys):
    assert route("models", "-c", file(), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["choices"] == {"speed": "m/0", "cost": "m/0", "quality": "m/1", "balanced": "m/0"}
    assert "api_base" not in told["models"][0] and told["models"][0]["expected_quality"] == 0.5


def test_g12_dry_run_decides_and_asks_nobody(file, capsys):
    with openai_servers("one", "two") as servers:
        assert route("ask", "hi", "-c", file(*servers), "--dry-run", "--priority", "quality") == 0
    assert capsys.readouterr().out.splitlines()[0] == "m/1 (quality)" and servers[1].bodies == []


def test_g12_ask_prints_the_answer_and_says_who_gave_it(file, capsys):
    with openai_servers("one", "two") as servers:
        assert route("ask", "hi", "-c", file(*servers), "--max-latency", 150, "--max-cost", 0.01) == 0
    out, err = capsys.readouterr()
    assert out == "one\n" and err.startswith("m/0, ")
    assert servers[0].bodies == [asks("hi", model="up-0")]


def test_g12_ask_as_json(file, capsys):
    with openai_servers("one") as servers:
        assert route("ask", "hi", "-c", file(*servers), "--json", "--max-tokens", 9) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["model"], told["cached"], told["selected_model"]) == ("m/0", False, "m/0")
    assert servers[0].bodies[0]["max_tokens"] == 9


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--max-latency", 50], "error: max_latency_ms 50: no model can; the fastest, m/0, takes 100 ms"),
        (["--max-cost", 0.000001], "error: max_cost_per_1k 1e-06: no model can; the cheapest, m/0, costs 0.001500 USD"),
        (["--model", "m/9"], "error: 'm/9' is not in the catalogue; it has, for example, m/"),
        (["--priority", "best"], "error: --priority best: choose speed, cost, quality, balanced"),
    ],
)
def test_g12_what_cannot_be_is_one_line_and_exit_2(file, capsys, words, says):
    assert route("ask", "hi", "-c", file(), "--dry-run", *words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(says) and err.count("\n") == 1


def test_g12_an_empty_message_is_not_routed(file, capsys):
    assert route("ask", " ", "-c", file(), "--dry-run") == 2
    assert capsys.readouterr().err == "error: the message is empty; write what to ask\n"


@pytest.mark.parametrize("change", [{"prompt_usd_per_1k": -0.1}, {"no_such_field": 1}])
def test_wrong_catalogue_is_one_line_and_exit_2(tmp_path, capsys, change):
    path = tmp_path / "router.yaml"
    path.write_text(yaml.safe_dump({"models": [{**entry(0), **change}]}))
    assert route("models", "-c", path) == 2
    assert capsys.readouterr().err.startswith(f"error: {path}: models.0 (m/0).{next(iter(change))}: ")


def test_model_that_does_not_answer_is_one_line_and_exit_2(file, capsys):
    with openai_servers(500) as servers:
        assert route("ask", "hi", "-c", file(*servers)) == 2
    assert capsys.readouterr().err.startswith("error: no model answered (m/0: HTTP 500")


def test_without_a_key_one_line_says_which_to_set(monkeypatch, capsys):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    assert route("ask", "hi") == 2
    models = "google/gemini-3.1-flash-lite-preview, openai/gpt-5.4-mini, anthropic/claude-sonnet-4.6"
    assert capsys.readouterr().err == f"error: no model answered ({models}: no key: set OPENROUTER_API_KEY)\n"


def test_g12_benchmark_chooses_no_model_that_did_not_answer(file, capsys):
    """The dead one is by far the faster and cheaper, by the catalogue."""
    with openai_servers(500, "one") as servers:
        path = file(*servers)
        assert route("benchmark", "-c", path, "--iterations", 1, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["chosen"] == "m/1" and told["models"][1]["p50_ms"] == told["models"][1]["avg_ms"]


def test_g12_benchmark_times_each_model(file, capsys):
    with openai_servers("one", 500) as servers:
        path = file(*servers)
        assert route("benchmark", "-c", path, "--iterations", 3, "--priority", "speed", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert route("benchmark", "-c", path, "--iterations", 2) == 0
    good, bad = told["models"]
    assert (good["answers"], good["problem"], bad["answers"]) == (3, "", 0) and bad["problem"].startswith("HTTP 500")
    assert 0 < good["p50_ms"] <= good["p95_ms"] and told["chosen"] == "m/0"
    assert "m/0    2" in capsys.readouterr().out


def test_g12_cache_in_a_file_is_counted_and_cleared(file, tmp_path, capsys):
    cache = {"backend": "sqlite", "path": str(tmp_path / "answers.sqlite")}
    with openai_servers("one") as servers:
        path = file(*servers, cache=cache)
        assert route("ask", "hi", "-c", path) == route("ask", "hi", "-c", path) == 0
        assert "from the cache" in capsys.readouterr().err and len(servers[0].bodies) == 1
        assert route("cache", "stats", "-c", path) == 0
        assert json.loads(capsys.readouterr().out)["cached_entries"] == 1
        assert route("cache", "clear", "-c", path) == 0
        assert capsys.readouterr().out == "1 answer forgotten\n"


def test_cache_in_memory_belongs_to_the_server(file, capsys):
    assert route("cache", "stats", "-c", file()) == 2
    assert "GET /cache/stats" in capsys.readouterr().err


def test_clearing_a_redis_that_is_away_is_an_error(file, capsys):
    pytest.importorskip("redis")
    assert route("cache", "clear", "-c", file(), "--redis", "redis://127.0.0.1:9/0") == 2
    assert "nothing was forgotten" in capsys.readouterr().err


def test_learn_adds_to_the_file_and_changes_the_choice(file, tmp_path, capsys):
    path = file(learning={"quality_file": str(tmp_path / "quality.json")})
    rows = tmp_path / "rows.jsonl"
    scores = [("m/0", 0.95), ("m/1", 0.2)] * 20
    rows.write_text("\n".join(json.dumps({"program": "planner", "model": name, "score": score}) for name, score in scores))
    assert route("learn", rows, "-c", path) == 0
    assert capsys.readouterr().out.splitlines() == [
        "planner, m/0: 20 rows, mean 0.950; expected now 0.875",
        "planner, m/1: 20 rows, mean 0.200; expected now 0.267",
    ]
    assert route("ask", "hi", "-c", path, "--dry-run", "--priority", "quality", "--program", "planner") == 0
    assert capsys.readouterr().out.startswith("m/0 (quality)")


def test_learn_needs_a_file_to_keep_it_in(file, tmp_path, capsys):
    assert route("learn", tmp_path / "rows.jsonl", "-c", file()) == 2
    assert "has no learning.quality_file" in capsys.readouterr().err


def test_commands_do_not_wait_for_dspy(file):
    """DSPy takes seconds to import, and a model of a server needs none of it."""
    with openai_servers("one") as servers:
        words = ["route", "ask", "hi", "-c", str(file(*servers))]
        code = f"import sys; from dspy_programs.__main__ import main; main({words!r}); print('dspy' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert done.stdout == "one\nFalse\n", done.stderr

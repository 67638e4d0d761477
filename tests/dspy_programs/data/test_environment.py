"""The environment variables of the data flywheel: each changes what a command does, and the option goes before it."""

import json
from pathlib import Path

import pytest

from dspy_programs.__main__ import main
from dspy_programs.data.export.hub import hub_token
from dspy_programs.data.judging.which_model import of_backend
from tests.dspy_programs.data.growing_script import answer
from tests.dspy_programs.data.judging.judges import by_word, pairs, write_pairs
from tests.fakes import ChatServer

NUMBERS = (
    "JUDGE_CONCURRENCY JUDGE_TIMEOUT JUDGE_TEMPERATURE JUDGE_MAX_TOKENS QUALITY_MIN_SCORE MAX_CYCLES MIN_PASS_RATE A2A_PORT "
    "GENERATOR_CONCURRENCY GENERATOR_TIMEOUT GENERATOR_TEMPERATURE GENERATOR_TOP_P GENERATOR_MAX_TOKENS"
).split()
pytestmark = pytest.mark.filterwarnings("ignore:.*not compiled")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_pairs(tmp_path / "data", pairs(6))
    return tmp_path


def grow(server: ChatServer, *argv: str) -> int:
    return main(["data", "run", "-s", "rye bread", "--lm", "openai/mine", "--api-base", server.url, "--max-cycles", "1", *argv])


@pytest.mark.parametrize(
    "variable, value, name",
    [
        ("JUDGE_TEMPERATURE", 0.3, "temperature"),
        ("JUDGE_MAX_TOKENS", 321, "max_completion_tokens"),
        ("GENERATOR_TEMPERATURE", 1.1, "temperature"),
        ("GENERATOR_TOP_P", 0.4, "top_p"),
        ("GENERATOR_MAX_TOKENS", 654, "max_completion_tokens"),
    ],
)
def test_what_is_sent_to_a_model(monkeypatch, variable, value, name):
    def sent(tag: str) -> object:
        with ChatServer(by_word if variable.startswith("JUDGE") else answer) as server:
            if variable.startswith("JUDGE"):
                main(["data", "judge", "-d", "demo", "--lm", "openai/mine", "--api-base", server.url, "--no-cache"])
            else:
                grow(server, "-n", tag)
            return json.loads(server.requests[0]).get(name)

    assert sent("before") != value
    monkeypatch.setenv(variable, str(value))
    assert sent("after") == value


@pytest.mark.parametrize(
    "variable, said",
    [
        *((name, name) for name in NUMBERS),
        ("PII_POLICY", "'none-such': choose strict, warn or off"),
        ("DEFAULT_JUDGE_BACKEND", "unknown backend 'none-such'"),
    ],
)
def test_a_value_that_cannot_be_used_is_said_in_a_line(monkeypatch, capsys, variable, said):
    monkeypatch.setenv(variable, "none-such")
    judge, grow = ["data", "judge", "-d", "demo"], ["data", "run", "-s", "a"]
    by_name = {"PII_POLICY": ["data", "validate", "-d", "demo"], "A2A_PORT": ["serve", "http"]}
    kind = variable.partition("_")[0]
    assert main(by_name.get(variable, judge if kind in ("JUDGE", "QUALITY", "DEFAULT") else grow)) == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_minimum_of_the_environment_fails_what_would_pass(monkeypatch):
    def passed(tag: str) -> int:
        main(["data", "judge", "-d", "demo", "--tag", tag])
        return sum(json.loads(line)["passed"] for line in Path(f"data/judgments/demo.{tag}.jsonl").read_text().splitlines())

    row = {"instruction": "Name the capital of France.", "output": "The capital of France is Paris."}
    Path("data/user/demo.jsonl").write_text(json.dumps(row) + "\n")
    assert passed("before") == 1
    monkeypatch.setenv("QUALITY_MIN_SCORE", "10")
    assert passed("after") == 0


@pytest.mark.parametrize("policy, severity", [("strict", "error"), ("warn", "warning"), ("off", None)])
def test_the_policy_of_personal_data(monkeypatch, policy, severity):
    row = {"instruction": "Who is it?", "output": "It is bo@uni.se."}
    Path("data/user/demo.jsonl").write_text(json.dumps(row) + "\n")
    monkeypatch.setenv("PII_POLICY", policy)
    assert main(["data", "validate", "-d", "demo"]) == 0
    found = json.loads(Path("data/validation/demo.report.json").read_text())["issues"]
    assert [each["severity"] for each in found] == ([severity] if severity else [])


@pytest.mark.parametrize("variable, value, cycles", [("MAX_CYCLES", "1", 1), ("MIN_PASS_RATE", "1", 1), ("MAX_CYCLES", "2", 2)])
def test_how_long_a_data_set_grows(monkeypatch, variable, value, cycles):
    monkeypatch.setenv("MIN_PASS_RATE", "0")
    monkeypatch.setenv(variable, value)
    with ChatServer(answer) as server:
        assert main(["data", "run", "-s", "rye,tides,maps,salt,glass", "--lm", "openai/mine", "--api-base", server.url]) == 0
    assert len(list(Path("data/checkpoints").glob("checkpoint_*.json"))) == cycles


@pytest.mark.parametrize("own", [True, False])
def test_folders_are_elsewhere(here, monkeypatch, own):
    """Two growths never share checkpoints, wherever these are."""
    ours = [f"DSPY_PROGRAMS_{name}" for name in ("DATA", "CHECKPOINTS", "REPORTS")]
    for name, other in zip(ours, ("DATA_DIR", "CHECKPOINTS_DIR", "REPORTS_DIR"), strict=True):
        if own:
            monkeypatch.setenv(other, "not-this")
        monkeypatch.setenv(name if own else other, name.lower())
    assert main(["data", "init"]) == 0
    for name in ("a", "b"):
        assert main(["data", "run", "-s", "Explain why bread rises.", "-n", name, "--max-cycles", "1"]) == 0
        assert (here / ours[1].lower() / name / "checkpoint_001.json").exists()
        assert (here / ours[0].lower() / "user" / f"{name}.jsonl").exists()
    assert main(["data", "visualize", "-d", "a"]) == 0
    assert (here / ours[2].lower() / "a" / "index.html").exists() and not (here / "not-this").exists()


@pytest.mark.parametrize(
    "name, address, key", [("ollama", "http://there:1/v1", "none"), ("openrouter", "http://there:1", "mine")]
)
def test_servers_of_judges(monkeypatch, name, address, key):
    monkeypatch.setenv("OPENROUTER_API_KEY", "mine")
    told = {f"{name.upper()}_BASE_URL": "http://there:1", f"{name.upper()}_MODEL": "q/x"}
    assert of_backend(name, environment=told)[:3] == ("openai/q/x", address, key)
    assert of_backend(name, "other", environment=told).lm == "openai/other"


@pytest.mark.parametrize("backend", ["openrouter", "anthropic"])
def test_a_judge_without_its_key_says_which(monkeypatch, capsys, backend):
    variable = f"{backend.upper()}_API_KEY"
    monkeypatch.delenv(variable, raising=False)
    assert main(["data", "judge", "-d", "demo", "--backend", backend]) == 2
    assert capsys.readouterr().err == f"error: {backend}: no key: set {variable}\n"


def test_a_growth_without_a_pair_says_why(tmp_path, capsys):
    assert main(["data", "run", "-s", "Describe rust.", "--data", str(tmp_path), "--max-cycles", "1", "--no-llm"]) == 0
    said = "cycle 1: 0 new pairs, 0 passed (0.0%), 1 not written (the rules make no pair of so short a text)\n"
    assert capsys.readouterr().err == said


def test_the_token_of_the_hub(monkeypatch):
    for name in ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HF_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HUGGINGFACE_TOKEN", "hf_mine")
    assert hub_token() == "hf_mine"

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dspy_programs.cli.dot_env import add_dot_env
from tests.fakes import ChatServer

ROOT = Path(__file__).parents[3]
SEARCH = '"role": "tool", "tool_name": "search", "tool_input": {"by": "nadia@example.com"}, "tool_output": []'
TRACE = (
    f'{{"original_goal": "How many tasks has Nadia?", "turns": [{{"turn_number": 0, {SEARCH}}}, '
    '{"turn_number": 1, "role": "agent", "content": "There are no tasks of Nadia."}]}'
)  # an address from nowhere: what a model is asked about


def added(tmp_path, text: str | bytes, **environment: str) -> dict[str, str]:
    path = tmp_path / ".env"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    add_dot_env(environment, path)
    return environment


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("OPENAI_API_KEY=sk-a", "sk-a"),
        ("  export OPENAI_API_KEY = sk-a  ", "sk-a"),
        ("OPENAI_API_KEY='sk-a # b'  # mine", "sk-a # b"),
        ('OPENAI_API_KEY="sk-a"', "sk-a"),
        ("OPENAI_API_KEY=sk-a # mine", "sk-a"),
        ("OPENAI_API_KEY=sk#a", "sk#a"),
        ("OPENAI_API_KEY=", ""),
        ("OPENAI_API_KEY=old\nOPENAI_API_KEY=sk-a\r\n", "sk-a"),
        ("\ufeffOPENAI_API_KEY=sk-a", "sk-a"),
        ("OPENAI_API_KEY=$HOME", "$HOME"),
    ],
)
def test_line_gives_its_value(tmp_path, line, value):
    assert added(tmp_path, line) == {"OPENAI_API_KEY": value}


@pytest.mark.parametrize(
    "line",
    [
        *("JUDGE_TIMEOUT=9", "QUALITY_MIN_SCORE=8", "GENERATOR_TOP_P=.9", "MAX_CYCLES=2", "MIN_PASS_RATE=0", "PII_POLICY=off"),
        *("DEFAULT_JUDGE_BACKEND=ollama", "OLLAMA_MODEL=m", "OPENROUTER_MODEL=m", "HUGGINGFACE_TOKEN=hf"),
    ],
)
def test_settings_of_the_data_flywheel_are_read_and_models_are_announced(tmp_path, capsys, line):
    name, _, value = line.partition("=")
    assert added(tmp_path, line) == {name: value}
    assert (line in capsys.readouterr().err) is ("MODEL" in name or "BACKEND" in name)


@pytest.mark.parametrize(
    "line",
    [
        "OLLAMA_BASE_URL=http://x",
        "OPENROUTER_BASE_URL=http://x",
        "DATA_DIR=/tmp",
        "PATH=/tmp",
        "#OPENAI_API_KEY=x",
        "OPENAI_API_KEY",
        "OPENAI_API_KEY=a\0b",
        "=",
    ],
)
def test_other_lines_are_left(tmp_path, line):
    assert added(tmp_path, line) == {}


def test_environment_goes_before_the_file(tmp_path):
    text = "OPENROUTER_API_KEY=file\nANTHROPIC_API_KEY=file\nDSPY_PROGRAMS_LM=openai/file"
    found = added(tmp_path, text, OPENROUTER_API_KEY="shell", ANTHROPIC_API_KEY="")
    assert found == {"OPENROUTER_API_KEY": "shell", "ANTHROPIC_API_KEY": "", "DSPY_PROGRAMS_LM": "openai/file"}


def test_address_of_the_file_never_gets_the_key_of_the_shell(tmp_path):
    text = "DSPY_PROGRAMS_API_BASE=http://elsewhere/v1\nDSPY_PROGRAMS_API_KEY=file"
    assert added(tmp_path, text, DSPY_PROGRAMS_TRUST_ENV="1")["DSPY_PROGRAMS_API_BASE"] == "http://elsewhere/v1"
    assert added(tmp_path, text, DSPY_PROGRAMS_API_KEY="shell") == {"DSPY_PROGRAMS_API_KEY": "shell"}


def test_what_is_no_readable_file_is_left(tmp_path):
    environment: dict[str, str] = {}
    os.mkfifo(tmp_path / "pipe")
    for name in ("none", "pipe", ""):
        add_dot_env(environment, tmp_path / name)
    assert environment == {} and added(tmp_path, b"\xff\xfe=\nOPENAI_API_KEY=sk-a") == {"OPENAI_API_KEY": "sk-a"}


def test_reading_takes_time_linear_in_the_file(tmp_path):
    text = "OPENAI_API_KEY=sk-a" + " " * 100_000 + "b\nOPENROUTER_API_KEY=" + " " * 100_000
    begun = time.perf_counter()
    assert added(tmp_path, text)["OPENROUTER_API_KEY"] == ""
    assert time.perf_counter() - begun < 5


def classify(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, as a user does."""
    (folder / "trace.json").write_text(TRACE, encoding="utf-8")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("DSPY_PROGRAMS_") and "API_KEY" not in name
    }
    return subprocess.run(
        [sys.executable, "-m", "dspy_programs", "failures", "classify", "trace.json", "--no-cache", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_key_in_the_file_reaches_the_server_and_nobody_else(tmp_path):
    with ChatServer(lambda prompt: '{"answer": "no"}', key="sk-file") as server:
        (tmp_path / ".env").write_text("DSPY_PROGRAMS_API_KEY=sk-file\n", encoding="utf-8")
        done = classify(tmp_path, "--lm", "openai/tiny", "--api-base", server.url)
        assert done.returncode == 0 and done.stdout.endswith("answered by    model\n")
        assert len(server.requests) == 1 and "sk-file" not in done.stdout + done.stderr


def test_address_and_key_of_one_model_are_not_another_ones(tmp_path):
    with ChatServer() as server:
        named = {"DSPY_PROGRAMS_LM": "openai/mine", "DSPY_PROGRAMS_API_BASE": server.url, "DSPY_PROGRAMS_API_KEY": "sk-mine"}
        done = classify(tmp_path, "--lm", "openrouter/other/model", **named)
        assert done.returncode == 2 and "no API key found for provider 'openrouter'" in done.stderr
        assert not server.requests and "sk-mine" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "url", ["http://10.1.2.3/v1", "https://evil.example/v1", "http://127.0.0.1.evil.example", "http://[", "x"]
)
def test_address_elsewhere_is_not_used_unless_the_user_said_so(url, tmp_path, capsys):
    text = f"DSPY_PROGRAMS_LM=openai/x\nDSPY_PROGRAMS_API_BASE={url}\nDSPY_PROGRAMS_API_KEY=sk-k\nDSPY_PROGRAMS_TRUST_ENV=1"
    assert added(tmp_path, text) == {}, "not even the key and the model, which belong to it"
    [line] = capsys.readouterr().err.splitlines()
    assert str(tmp_path / ".env") in line and "DSPY_PROGRAMS_TRUST_ENV=1" in line and "sk-k" not in line
    trusted = added(tmp_path, text, DSPY_PROGRAMS_TRUST_ENV="1")
    assert trusted["DSPY_PROGRAMS_API_BASE"] == url and trusted["DSPY_PROGRAMS_API_KEY"] == "sk-k"


def test_what_a_file_decides_is_announced_in_one_line(tmp_path, capsys):
    text = "DSPY_PROGRAMS_API_BASE=http://me:pw@localhost:1/v1?k=s\nDSPY_PROGRAMS_WEIGHTS=/w\x1b[2J\nOPENAI_API_KEY=sk-k"
    assert added(tmp_path, text)["DSPY_PROGRAMS_WEIGHTS"]
    said = capsys.readouterr().err
    assert said == f"{tmp_path / '.env'} sets DSPY_PROGRAMS_API_BASE=http://localhost:1/v1, DSPY_PROGRAMS_WEIGHTS=/w[2J\n"
    added(tmp_path, "OPENAI_API_KEY=sk-k")
    assert not capsys.readouterr().err, "a key alone goes where it always goes"


def test_llama_server_elsewhere_and_files_to_write_need_the_users_word(tmp_path, capsys):
    mine = tmp_path / "id_rsa"
    text = f"DSPY_PROGRAMS_LLAMA=http://10.1.2.3:8080\nDSPY_PROGRAMS_ANSWERS={mine}\nDSPY_PROGRAMS_SESSIONS={mine}\n"
    text += f"DSPY_PROGRAMS_CODE={mine}\nDSPY_PROGRAMS_DOCUMENTS={mine}\nDSPY_PROGRAMS_PROMPTS={mine}\n"
    assert added(tmp_path, text) == {}
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1].split()[0] for line in lines] == [
        "DSPY_PROGRAMS_LLAMA",
        "DSPY_PROGRAMS_ANSWERS",
        "DSPY_PROGRAMS_SESSIONS",
        "DSPY_PROGRAMS_CODE",
        "DSPY_PROGRAMS_DOCUMENTS",
        "DSPY_PROGRAMS_PROMPTS",
    ] and all(line.endswith("set DSPY_PROGRAMS_TRUST_ENV=1 to use it") for line in lines)
    assert len(added(tmp_path, text, DSPY_PROGRAMS_TRUST_ENV="1")) == 7
    assert added(tmp_path, "DSPY_PROGRAMS_LLAMA=http://[::1]:8080") == {"DSPY_PROGRAMS_LLAMA": "http://[::1]:8080"}


def test_a_routers_catalogue_needs_the_users_word(tmp_path, capsys):
    text = "DSPY_PROGRAMS_ROUTER=theirs.yaml\nOPENAI_API_KEY=sk-k"
    assert added(tmp_path, text) == {"OPENAI_API_KEY": "sk-k"}
    assert "DSPY_PROGRAMS_ROUTER names addresses that keys go to, so it is not used" in capsys.readouterr().err
    assert added(tmp_path, text, DSPY_PROGRAMS_TRUST_ENV="1")["DSPY_PROGRAMS_ROUTER"] == "theirs.yaml"


def test_a_llama_server_elsewhere_gets_no_trace(tmp_path):
    with ChatServer() as server:
        (tmp_path / ".env").write_text(f"DSPY_PROGRAMS_LLAMA={server.url.replace('127.0.0.1', '127.0.0.1.')}\n")
        done = classify(tmp_path, "--lm", "local/smollm2-135m", HF_HUB_OFFLINE="1", PIP_NO_INDEX="1", HOME=str(tmp_path))
    assert "DSPY_PROGRAMS_LLAMA is not this machine" in done.stderr and not server.requests


def test_model_of_the_file_never_gets_the_key_of_the_shell(tmp_path):
    assert added(tmp_path, "DSPY_PROGRAMS_LM=openrouter/x", DSPY_PROGRAMS_API_KEY="mine") == {"DSPY_PROGRAMS_API_KEY": "mine"}
    mine = {"DSPY_PROGRAMS_API_KEY": "mine", "DSPY_PROGRAMS_API_BASE": "http://10.1.1.1/v1"}
    named = "DSPY_PROGRAMS_LM=openai/x\nDSPY_PROGRAMS_API_BASE=http://10.1.1.1/v1"
    assert added(tmp_path, named, **mine) == {**mine, "DSPY_PROGRAMS_LM": "openai/x"}, "the user's own address"


def test_a_key_of_the_server_is_announced_and_not_shown(tmp_path, capsys):
    assert added(tmp_path, "DSPY_PROGRAMS_SERVER_KEY=abcdefgh12345678")
    line = capsys.readouterr().err
    assert "sets DSPY_PROGRAMS_SERVER_KEY\n" in line and "abcdefgh" not in line

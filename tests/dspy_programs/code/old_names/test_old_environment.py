"""dspy-code's variables: what they mean, what counts before them, and that no folder sets them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dspy_programs.cli.dot_env import add_dot_env
from dspy_programs.code.old_names.environment import OLD, adopted
from dspy_programs.errors import UsageError

PAGE = Path(__file__).parents[4] / "docs" / "tools" / "code.md"
LM, BASE, KEY, NO_LLM = ("DSPY_PROGRAMS_" + name for name in ("LM", "API_BASE", "API_KEY", "NO_LLM"))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        ({"OPENAI_API_KEY": "sk-a"}, {}),
        ({"OPENAI_API_KEY": "sk-a", "OPENAI_BASE_URL": "http://h/v1"}, {}),
        ({"MODEL_NAME": "gpt-4o-mini"}, {LM: "openai/gpt-4o-mini"}),
        ({"MODEL_NAME": "openai/gpt-4o-mini", "OPENAI_API_KEY": "sk-a"}, {LM: "openai/gpt-4o-mini", KEY: "sk-a"}),
        ({"MODEL_NAME": "Qwen/Qwen3", "OPENAI_BASE_URL": "http://h/v1"}, {LM: "openai/Qwen/Qwen3", BASE: "http://h/v1"}),
        ({"OLLAMA_MODEL": "q:1b"}, {LM: "openai/q:1b", BASE: "http://localhost:11434/v1", KEY: "ollama"}),
        ({"OLLAMA_MODEL": "q", "USE_OLLAMA": "false", "MODEL_NAME": "m"}, {LM: "openai/m"}),
        (
            {
                "USE_OLLAMA": "TRUE",
                "MODEL_NAME": "q",
                "OLLAMA_HOST": "gpu:11434/",
                "OLLAMA_API_KEY": "k",
                "OPENAI_API_KEY": "sk-a",
            },
            {LM: "openai/q", BASE: "http://gpu:11434/v1", KEY: "k"},
        ),
        (
            {"USE_OLLAMA": "1", "OLLAMA_MODEL": "q", "OPENAI_BASE_URL": "http://h:1/v1"},
            {LM: "openai/q", BASE: "http://h:1/v1", KEY: "ollama"},
        ),
        ({"LOCAL_MODE": "true", "MODEL_NAME": "m", "OLLAMA_MODEL": "q"}, {NO_LLM: "1"}),
        ({"LOCAL_MODE": "false", "MODEL_NAME": "m"}, {LM: "openai/m"}),
        ({"DSPY_FORCE_JSON_OBJECT": "yes"}, {"DSPY_PROGRAMS_JSON_OBJECT": "1"}),
        ({"DSPY_FORCE_JSON_OBJECT": "0"}, {}),
    ],
)
def test_what_they_mean(theirs, ours):
    assert adopted(theirs) == ours


@pytest.mark.parametrize("name", [LM, BASE, KEY, NO_LLM])
def test_one_of_ours_for_the_model_and_none_of_theirs_counts(name):
    theirs = {"MODEL_NAME": "m", "OPENAI_API_KEY": "sk-a", "OPENAI_BASE_URL": "http://h", "LOCAL_MODE": "true"}
    assert adopted({**theirs, name: ""}) == {}


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ({"LOCAL_MODE": "secret-value"}, "LOCAL_MODE: neither on nor off; write true or false"),
        ({"USE_OLLAMA": "true"}, "OLLAMA_MODEL names no model"),
    ],
)
def test_a_switch_that_is_neither_is_refused_without_its_value(theirs, said):
    with pytest.raises(UsageError, match=said) as refused:
        adopted(theirs)
    assert "secret-value" not in str(refused.value)


def test_a_file_in_a_folder_sets_none_of_them(tmp_path):
    (tmp_path / ".env").write_text("".join(f"{old.name}=true\n" for old in OLD) + "OLLAMA_HOST=http://evil.example\n")
    environment: dict[str, str] = {}
    added = add_dot_env(environment, tmp_path / ".env")
    assert adopted(environment, added) == {}
    assert not {name for name in environment if name.startswith(("REDDB", "DB_", "KAFKA", "LOCAL", "USE_", "MODEL"))}


def said_by(folder, words, **variables):
    """Return what the model of a session is, and what a command says, in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DSPY_PROGRAMS", "OPENAI", "OLLAMA"))}
    done = subprocess.run(
        [sys.executable, "-m", "dspy_programs", "code", "start", *words],
        input="model\n",
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**clean, **variables},
        check=False,
    )
    return done.stdout.strip(), done.stderr


def test_a_flag_counts_before_ours_and_ours_before_theirs(tmp_path):
    theirs = {"MODEL_NAME": "theirs", "OPENAI_API_KEY": "sk-secret-0123456789"}
    assert said_by(tmp_path, [], **theirs) == ("openai/theirs", "")
    assert said_by(tmp_path, [], **theirs, DSPY_PROGRAMS_LM="openai/ours") == ("openai/ours", "")
    assert said_by(tmp_path, ["--lm", "openai/flag"], **theirs, DSPY_PROGRAMS_LM="openai/ours") == ("openai/flag", "")


def test_a_flag_counts_before_local_mode(tmp_path):
    assert said_by(tmp_path, [], LOCAL_MODE="true")[0] == "none"
    assert said_by(tmp_path, ["--lm", "openai/flag"], LOCAL_MODE="true")[0] == "openai/flag"


def test_a_hostile_folder_chooses_no_model(tmp_path):
    (tmp_path / ".env").write_text("MODEL_NAME=evil\nOLLAMA_MODEL=evil\nOPENAI_BASE_URL=http://evil.example\nUSE_OLLAMA=true\n")
    said, errors = said_by(tmp_path, [])
    assert said == "each command's own" and "sk-" not in errors


def test_the_page_has_the_table():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`([A-Z_]+)`|itself) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert rows == [(old.name, old.ours if old.ours != old.name else "", old.meaning) for old in OLD]

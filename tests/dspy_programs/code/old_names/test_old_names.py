"""dspy-code's documentation, command by command: it works here, or one line says what does."""

import re
import shlex
import subprocess
from importlib.util import find_spec

import pytest
from typer.main import get_command

from dspy_programs.__main__ import app as every_app, main
from dspy_programs.code.commands import app
from dspy_programs.code.old_names.commands import ALIASES, ANSWERS, OPTIONS
from optimizers.train_code import app as train_app, main as train_code

WORKS = [
    "context --logs ./logs",
    "index",
    "index .",
    "learn",
    "search 'count attempts'",
    "grep 'def .*connect' . --glob '**/*.py' --context 2",
    "grep timeout --fixed",
    "extract app.py --symbol connect",
    "extract app.py --regex 'timeout after' --before 2 --after 4",
    "extract app.py --symbol Retry.count_attempts --out snippets/connect.py",
    "sg 'connect($A)' --lang python",
    "tree --depth 3 --hidden",
    "tree -d 1",
    "patch change.patch",
    "diff app.py --new new.py",
    "plan 'fix failing tests' --no-llm",
    "up logs/app.log --db none --once",
    "status",
    "summary app.py",
    "ask 'where is connect defined?' --show",
]
"""As documented, or with what the line says; run in a folder with a repository, without a model."""

ANSWERED = [
    ("context --workspace /path --logs ./logs --ollama --model deepseek-coder:1.3b", "--workspace", "without an option"),
    ("context --logs ./logs --ollama --model deepseek-coder:1.3b", "--ollama", "OLLAMA_MODEL"),
    ("context --logs ./logs --model deepseek-coder:1.3b", "--model", "--lm"),
    ("learn --workspace . --embeddings", "--workspace", "without an option"),
    ("codectx --path src/ --workspace /path", "codectx", "code summary"),
    ("index --workspace /path --smart", "--workspace", "without an option"),
    ("index --smart", "--smart", "by its definitions"),
    ("emb-index --workspace /path --model openai/x --api-key k", "emb-index", "code index"),
    ("emb_index --workspace . --hf --model all-MiniLM-L6-v2 --persist", "emb_index", "code index"),
    ("emb-search 'retry logic' --workspace /path", "emb-search", "code search"),
    ("embeddings_inspect --start 0 --count 10", "embeddings_inspect", "code search"),
    ("chunks_compact --start 0 --count 1000", "chunks_compact", "nothing to compact"),
    ("esearch 'http client retry' --workspace /path --k 5", "esearch", "code search"),
    ("extract --file app.py --symbol connect", "--file", "without an option"),
    ("sg --pattern 'f($A)' --lang js --root /path", "--pattern", "without an option"),
    ("watch --workspace /path --interval 2 --tail 20", "--workspace", "without an option"),
    ("start --workspace /path --ollama --model m", "--workspace", "without an option"),
    ("init --workspace /path --train --budget light", "--workspace", "without an option"),
    ("init . --train --budget light", "--train", "optimizers.train_code"),
    ("edit 'refactor X' --workspace /path --files app.py --apply", "--workspace", "without an option"),
    ("chat 'investigate' --logs ./logs", "chat", "dspy-programs chat"),
    ("gepa-train --module task --train-jsonl t.jsonl --auto medium", "gepa-train", "optimizers.train_code"),
    ("gepa-orchestrator --train-jsonl o.jsonl", "gepa-orchestrator", "--module orchestrator"),
    ("gepa-codegen --test-cmd 'pytest -q'", "gepa-codegen", "--module codegen --test-cmd"),
    ("teleprompt", "teleprompt", "optimizers.train_code"),
    ("train", "train", "optimizers.train_code"),
    *(
        (name, name, "use this")
        for name in "rl grpo feedback provision memory files actions monitor sweep judge workspace".split()
    ),
    *((name, name, "use this") for name in "quickstart ollama write find_chunk neighbors ast_cache".split()),
]

KNOWN = (
    *"stack spark logs worker lightweight_init lightweight_up lightweight_status lightweight_down lightweight_build".split(),
    *"stream_topics stream-topics-create deploy-topics spark-script k8s-render reddb-mock datasearch databackend up".split(),
)
"""Tested with the commands that do their work."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("DSPY_PROGRAMS_LM", "DSPY_PROGRAMS_API_BASE", "DSPY_PROGRAMS_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CODE", "SESSIONS", "BUS"):
        monkeypatch.setenv(f"DSPY_PROGRAMS_{name}", str(tmp_path / "kept" / name))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    top = tmp_path / "repo"
    (top / "logs").mkdir(parents=True)
    (top / "app.py").write_text(
        'class Retry:\n    def count_attempts(self):\n        return 1\n\n\ndef connect(host):\n    """Open a line."""\n'
        '    raise OSError("timeout after 3 s")\n\n\nconnect("a")\n'
    )
    (top / "new.py").write_text("x = 1\n")
    (top / "change.patch").write_text("--- a/new.py\n+++ b/new.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n")
    (top / "logs" / "app.log").write_text("ERROR no disk\n")
    subprocess.run(["git", "init", "-q"], cwd=top, check=True)
    monkeypatch.chdir(top)
    return top


@pytest.mark.parametrize("line", WORKS)
def test_what_is_documented_works(folder, capfd, line):
    code = main(["code", *shlex.split(line)])
    err = capfd.readouterr().err
    assert code == 0, err
    assert "Traceback" not in err and "old name" not in err


@pytest.mark.parametrize(("line", "name", "said"), ANSWERED)
def test_what_is_called_otherwise_is_answered_by_one_line(folder, capfd, line, name, said):
    assert main(["code", *shlex.split(line)]) == 2
    out, err = capfd.readouterr()
    assert not out and err.count("\n") == 1 and err.startswith(f"error: {name} is the old name") and said in err


@pytest.mark.parametrize("name", KNOWN)
def test_every_command_of_the_old_tool_is_known(name):
    assert name.replace("_", "-") in {*get_command(app).commands, *get_command(every_app).commands["code"].commands, *ANSWERS}


def test_old_names_are_hidden_from_help_and_none_hides_a_command(capfd):
    group = get_command(app)
    assert main(["code", "--help"]) == 0
    listed = set(re.findall(r"^  ([a-z-]+) ", capfd.readouterr().out, re.M))
    assert listed and not listed & (ANSWERS.keys() - group.commands.keys())
    assert not ALIASES.keys() & group.commands.keys()
    assert not ANSWERS.keys() & group.commands.keys()


def test_answers_name_commands_that_exist():
    groups = get_command(every_app)
    pattern = r"(?:dspy-programs|python -m optimizers\.\w+)(?: [a-z-]+)*(?: [A-Z\"\w-]+)*"
    for text in re.findall(pattern, "\n".join(ANSWERS.values())):
        words = text.split()
        if words[0] != "dspy-programs":
            assert words[2] == "optimizers.train_code" or find_spec(words[2]), text
            continue
        assert words[1] in groups.commands, text
        known = getattr(groups.commands[words[1]], "commands", None)
        assert not known or len(words) == 2 or words[2].startswith("-") or words[2] in known, text


def test_options_of_the_training_door_are_those_of_the_answers():
    known = {option for each in get_command(train_app).params for option in each.opts}
    assert {"--module", "--test-cmd", "--workspace", "--save-best", "--train-jsonl", "--max-full-evals"} <= known
    assert train_code(["--module", "rl"]) == 2


def test_an_old_option_after_two_dashes_is_text(folder, capfd):
    assert main(["code", "grep", "--", "--workspace"]) == 1
    assert "old name" not in capfd.readouterr().err
    assert OPTIONS.keys() >= {"--workspace", "--ollama", "--model"}

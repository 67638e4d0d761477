"""dspy-code's door to training: its names, its rows, its options; the training itself is that of optimizers.train."""

import json

import pytest

from dspy_programs.registry import PROGRAMS as OURS
from optimizers.train_code import PROGRAMS, main
from tests.dspy_programs.code.history.test_history import Repository, worked_on


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none-0123456789")
    return tmp_path


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


DRY = ["--dry-run", "--lm", "openai/none", "--max-metric-calls", "20"]


def test_rows_are_made_first_and_every_other_option_is_the_trainers(here, capsys):
    repository = Repository(here / "repo")
    worked_on(repository)
    assert main(["--workspace", str(repository.folder), "--module", "codegen", *DRY]) == 0
    out = capsys.readouterr().out
    assert "making rows: dspy-programs code init" in out and "code_editor" in out and "7 " in out
    assert main(["--workspace", str(repository.folder), "--module", "codegen", *DRY, "--nonsense"]) == 2
    assert "No such option" in capsys.readouterr().err


def test_commands_are_the_checks_of_a_copy_of_the_rows(here, capsys):
    repository = Repository(here / "repo")
    worked_on(repository)
    words = ["--test-cmd", "make test", "--lint-cmd", "ruff check ."]
    assert main(["--workspace", str(repository.folder), "--module", "codegen", *words, *DRY]) == 0
    checks = rows_of(here / "runs" / "code" / "code_editor" / "train.jsonl")[0]["checks"]
    assert (checks["tests"], checks["types"], checks["lint"]) == ("make test", "python -m compileall -q .", "ruff check .")
    own = rows_of(repository.folder / ".dspy_data" / "code_editor" / "train.jsonl")[0]["checks"]
    assert own["tests"].startswith("python -m pytest")


@pytest.mark.parametrize(
    ("module", "row"),
    [
        ("context", {"task": "t", "logs_preview": "ERROR {n}", "context_keywords": ["a"], "key_points_keywords": ["b"]}),
        ("code", {"snapshot": "def f{n}(): pass", "ask": "what?", "keywords": ["a"]}),
        ("codegen", {"task": "t {n}", "code": {"a.py": "x = 1\n"}, "checks": {"tests": "python -m pytest"}}),
        ("task", {"task": "t {n}", "context": "c", "plan_keywords": ["a"], "commands_keywords": ["b"]}),
    ],
)
def test_rows_of_dspy_code_are_read(here, capsys, module, row):
    file = here / "old.jsonl"
    file.write_text("".join(json.dumps(row).replace("{n}", str(number)) + "\n" for number in range(12)))
    assert main(["--module", module, "--train-jsonl", str(file), *DRY]) == 0
    assert PROGRAMS[module] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--module", "task", "--test-cmd", "pytest"], "are for --module codegen"),
        (["--module", "task", "--val-jsonl", "v.jsonl"], "need --train-jsonl"),
        (["--module", "task", "--train-jsonl", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--module", "task"], "no git repository"),
    ],
)
def test_what_is_wrong_is_one_line(here, capsys, words, said):
    assert main([*words, *DRY]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_full_evaluations_become_metric_calls(here, capsys):
    repository = Repository(here / "repo")
    worked_on(repository)
    words = ["-w", str(repository.folder), "--module", "codegen", "--max-full-evals", "3", "--dry-run", "--lm", "openai/none"]
    assert main(words) == 0
    assert "27" in capsys.readouterr().out  # 3 times 7 rows to learn from and 2 to choose by


def test_every_module_is_a_program_of_ours():
    assert set(PROGRAMS.values()) <= OURS.keys()

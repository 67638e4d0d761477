"""What a folder tells of its tools, also one that is broken; `code commands` prints, marks danger and runs nothing."""

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.code.overview.toolbox import context_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndescription = "like black and tox"\ndependencies = ["pytest>=8"] # mypy\n[tool.ruff]\nline-length = 100\n'
    )
    (tmp_path / "Makefile").write_text("CC := gcc\n.PHONY: all\nall: x\n\t@echo a: b\nlint:\n\truff .\n")
    (tmp_path / "tox.ini").write_text("[tox]\nenvlist = py311, docs\n[testenv:types]\ncommands = %(x)s\n")
    (tmp_path / "package.json").write_text(
        '{"scripts": {"dev": "vite", "x; rm -rf y": "z"}, "devDependencies": {"eslint": "9"}}'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(folder):
    return dict(line.split(": ", 1) for line in context_of(folder).splitlines())


def test_context_has_files_targets_and_tools(folder):
    lines = told(folder)
    assert lines["make"] == "all lint" and lines["npm"] == "dev" and lines["tox"] == "py311 docs types"
    assert lines["tools"] == "pytest ruff tox eslint"
    assert lines["files"].startswith("tests/ Makefile package.json pyproject.toml")


@pytest.mark.parametrize("name", ["pyproject.toml", "package.json", "tox.ini", "Makefile"])
@pytest.mark.parametrize("content", [b"", b"{[broken", b"\x00\xff", b"[" * 5000])
def test_a_file_that_cannot_be_read_adds_nothing(folder, name, content):
    (folder / name).write_bytes(content)
    assert "os: " in context_of(folder)


def test_commands_are_printed_with_their_steps(folder, capsys):
    assert main(["code", "commands", "lint and run only tests/test_a.py"]) == 0
    assert capsys.readouterr().out == (
        "# 1. run the linter\n# 2. run the tests of tests/test_a.py\nmake lint\npython -m pytest tests/test_a.py\n"
    )
    assert main(["code", "commands", "who wrote it", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "plan": ["show who wrote each line, and in which commit"],
        "commands": ["git blame FILE"],
        "missing": ["FILE: the file"],
        "dangerous": {},
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sing a song"], 1, "missing: what to do"),
        ([" "], 2, "the task is empty"),
        (["test", "nowhere"], 2, "nowhere: cannot be read"),
    ],
)
def test_what_is_wrong_is_said(folder, capsys, arguments, code, said):
    assert main(["code", "commands", *arguments]) == code
    out, err = capsys.readouterr()
    assert said in err and not out

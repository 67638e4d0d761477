"""The commands that change code: what they print, their exit codes, one line for what is wrong."""

import io
import json
import sys

import pytest

from dspy_programs.__main__ import main
from dspy_programs.agent.workspace import sandbox
from tests.dspy_programs.code.changing.scripted import CART, git, held

PATCH = "--- a/cart.py\n+++ b/cart.py\n@@ -1,2 +1,2 @@\n def total(items):\n-    return sum(items)\n+    return max(items)\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    top = tmp_path / "repo"
    top.mkdir()
    (top / "cart.py").write_text(CART)
    monkeypatch.chdir(top)
    return top


def test_edit_shows_then_writes_and_undo_puts_back(folder, capsys):
    before = held(folder)
    assert main(["code", "edit", "rename total to sum_of"]) == 0
    out, err = capsys.readouterr()
    assert "-def total(items):\n+def sum_of(items):" in out and "nothing was written; --apply does it" in err
    assert held(folder) == before
    assert main(["code", "edit", "rename total to sum_of", "--apply", "--file", "cart.py", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["applied"] and said["answered_by"] == "rules" and said["files"] == [{"path": "cart.py", "kind": "changed"}]
    assert main(["code", "undo"]) == 0 and held(folder) == before
    assert "cart.py: as it was before rename total to sum_of" in capsys.readouterr().out


@pytest.mark.skipif(not sandbox.works(), reason="needs a sandbox: pip install 'dspy-programs[agent]'")
@pytest.mark.parametrize(("flags", "code"), [([], 1), (["--keep"], 1)])
def test_edit_whose_tests_fail_exits_with_1(folder, capsys, flags, code):
    before = held(folder)
    command = ["code", "edit", "rename total to sum_of", "--apply", "--test-cmd", "echo broken; exit 3", *flags]
    assert main(command) == code
    out, err = capsys.readouterr()
    assert "+def sum_of(items):" in out and "tests failed (exit code 3)" in err and "broken" in err
    assert ("the edited files are as they were" in err) is (held(folder) == before) is not flags


@pytest.mark.skipif(not sandbox.works(), reason="needs a sandbox: pip install 'dspy-programs[agent]'")
def test_what_the_tests_write_is_not_said_to_be_put_back(folder, capsys):
    assert main(["code", "edit", "rename total to sum_of", "--apply", "--test-cmd", "echo x > other.txt; exit 3"]) == 1
    assert (folder / "cart.py").read_text() == CART and (folder / "other.txt").exists()
    err = capsys.readouterr().err
    assert "all files" not in err and "what the test command changed in others is not put back" in err


def test_patch_from_a_file_and_from_standard_input(folder, capsys, monkeypatch):
    (folder.parent / "p.diff").write_text(PATCH)
    assert main(["code", "patch", "../p.diff", "--check"]) == 0
    assert "applies; nothing was written" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PATCH.encode())))
    assert main(["code", "patch", "-"]) == 0
    assert capsys.readouterr().out == "cart.py: changed\n" and "max(items)" in (folder / "cart.py").read_text()


def test_a_diff_is_a_patch_byte_by_byte(folder, capfdbinary):
    (folder / "dos.txt").write_bytes(b"a\r\nb")
    (folder.parent / "new.txt").write_bytes(b"a\r\nc\r\n\x1b[31m")
    assert main(["code", "diff", "dos.txt", "--new", "../new.txt"]) == 0
    (folder.parent / "p.diff").write_bytes(capfdbinary.readouterr().out)
    assert main(["code", "patch", "../p.diff"]) == 0
    assert (folder / "dos.txt").read_bytes() == b"a\r\nc\r\n\x1b[31m"


def test_plan_lists_the_steps_without_a_model(folder, capsys):
    before = held(folder)
    assert main(["code", "plan", "Read cart.py, then write its length to size.txt", "--no-llm"]) == 0
    assert capsys.readouterr().out.startswith("1. Read cart.py") and held(folder) == before


def test_run_works_in_the_folder_and_can_be_undone(folder, capsys):
    before = held(folder)
    assert main(["code", "run", "write 'hello' to sub/new.txt", "--no-llm", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "completed"
    assert (folder / "sub/new.txt").read_text().strip() == "hello"
    assert main(["code", "undo"]) == 0
    assert held(folder) == before and not (folder / "sub").exists()


def test_commit_message_prints_what_git_takes(folder, capsys):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    assert main(["code", "commit-message"]) == 0
    assert capsys.readouterr().out == "Add cart.py: total and count\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["edit", ""], "the task is empty"),
        (["edit", "make it nicer"], "a model is needed"),
        (["edit", "rename a to b", "nowhere"], "nowhere: no folder"),
        (["edit", "fix", "bugs"], "put a task of several words in quotes"),
        (["edit", "rename", "total", "to", "sum_of"], "put them in quotes"),
        (["run", "write", "a", "test"], "put them in quotes"),
        (["plan", "fix", ".", "all\x1b[31m", "--no-llm"], "from all[31m on"),
        (["edit", "rename a to b", "--file", "../x.py"], "outside of"),
        (["edit", "rename a to b", "--file", "none.py"], "none.py: not there"),
        (["edit", "rename a to b", "--file", "data.bin"], "data.bin: not a text"),
        (["edit", "rename a to b", "--test-cmd", "true"], "add --apply"),
        (["patch", "none.diff"], "none.diff: cannot be read"),
        (["patch", "data.bin"], "no unified diff"),
        (["diff", "none.py", "--new", "cart.py"], "none.py: cannot be read"),
        (["diff", "../x", "--new", "cart.py"], "below this folder"),
        (["undo"], "nothing to undo"),
        (["commit-message"], "no git repository"),
        (["plan", "", "--no-llm"], "goal"),
        (["run", "", "--no-llm"], "the task is empty"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(folder, capsys, arguments, said):
    (folder / "data.bin").write_bytes(b"\0\1\2")
    before = held(folder)
    assert main(["code", *arguments]) == 2
    out, err = capsys.readouterr()
    assert said in err and err.startswith("error: ") and err.count("\n") == 1 and not out
    assert held(folder) == before

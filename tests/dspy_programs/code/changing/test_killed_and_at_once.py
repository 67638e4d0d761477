"""A run that is killed can be undone, and two processes never change a folder at once."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from dspy_programs.__main__ import main
from dspy_programs.agent import Sessions, Snapshot
from dspy_programs.code import undo
from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.journal import Journal
from dspy_programs.errors import UsageError
from tests.dspy_programs.code.changing.scripted import CART, git, held

RUN = """
import sys, time
from pathlib import Path
from dspy_programs.agent import Agent
from dspy_programs.code import work

folder = Path(sys.argv[1])


def stop(event):
    if (folder / "sub/new.txt").exists():
        (folder / "cart.py").write_text("# changed by the run\\n")
        (folder / "notes.md").unlink(missing_ok=True)
        (folder / "ready").touch()
        time.sleep(60)


work(Agent(workspace=folder, on_event=stop), "write 'hello' to sub/new.txt")
"""


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "repo"
    top.mkdir()
    (top / "cart.py").write_text(CART)
    (top / "notes.md").write_text("# Notes\n")
    return top


@contextmanager
def begun(folder):
    """Give a run that has written, and is still at work; kill it."""
    process = subprocess.Popen([sys.executable, "-c", RUN, folder])
    until = time.monotonic() + 60
    while not (folder / "ready").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def run(folder):
    with begun(folder) as process:
        yield process


def test_a_run_that_is_killed_is_undone_and_said(folder, capsys):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    before = held(folder)
    with begun(folder):
        pass
    assert held(folder) != before
    assert main(["code", "undo", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert err == "killed under way: write 'hello' to sub/new.txt\n" and "cart.py: as it was before write" in out
    assert held(folder) == before and not (folder / "sub").exists()
    assert git(folder, "for-each-ref", "refs/dspy-programs") == ""


def test_what_somebody_changes_after_the_kill_stays(run, folder):
    run.kill()
    run.wait()
    for name in ("cart.py", "mine.py"):
        (folder / name).write_text("mine\n")
        os.utime(folder / name, (time.time() + 60,) * 2)
    done = undo(folder)
    assert done.was_killed and done.left == dict.fromkeys(["cart.py", "mine.py"], "it has changed since")
    assert (folder / "cart.py").read_text() == "mine\n" and (folder / "notes.md").exists()
    undo(folder, force=True)
    assert (folder / "cart.py").read_text() == CART


def test_a_change_after_the_kill_is_undone_before_the_run(run, folder):
    run.kill()
    run.wait()
    (folder.parent / "p.diff").write_text("--- a/cart.py\n+++ b/cart.py\n@@ -1 +1 @@\n-# changed by the run\n+# patched\n")
    assert main(["code", "patch", str(folder.parent / "p.diff"), str(folder)]) == 0
    assert undo(folder).what == "a patch" and (folder / "cart.py").read_text() == "# changed by the run\n"
    assert undo(folder).was_killed and (folder / "cart.py").read_text() == CART
    with pytest.raises(UsageError, match="nothing to undo"):
        undo(folder)


def test_nobody_else_changes_the_folder_while_a_run_is_at_work(run, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DSPY_PROGRAMS_SESSIONS", str(tmp_path / "sessions.sqlite"))
    before = held(folder)
    for command in (
        ["edit", "replace `hello` by `bye` in sub/new.txt", "--apply"],
        ["run", "write 'x' to y.txt", "--no-llm", "--quiet"],
    ):
        assert main(["code", *command[:2], str(folder), *command[2:]]) == 2
        err = capsys.readouterr().err
        assert "another process is changing it (write 'hello' to sub/new.txt); nothing was changed" in err
        assert err.count("\n") == 1 and held(folder) == before
    assert Sessions().list() == []


def test_a_run_that_is_killed_before_it_changes_a_file_is_said(folder, capsys):
    journal = Journal(Folder(folder))
    number = journal.begin("look around", "", "working")
    journal.keep_snapshot(number, Snapshot.of(journal.folder.workspace))
    journal.close()
    assert main(["code", "undo", str(folder)]) == 0
    assert "killed under way before it changed a file; undo again for the change before: look around" in capsys.readouterr().err
    assert main(["code", "undo", str(folder)]) == 2


def test_a_killed_run_in_a_folder_too_large_is_said_with_its_checkpoint(folder, capsys):
    journal = Journal(Folder(folder))
    journal.begin("look around", "refs/dspy-programs/checkpoints/1", "not kept")
    journal.close()
    assert main(["code", "undo", str(folder)]) == 2
    assert "too many files to undo a run that was killed (look around); refs/dspy-programs/" in capsys.readouterr().err
    assert main(["code", "undo", str(folder)]) == 2
    assert "nothing to undo" in capsys.readouterr().err

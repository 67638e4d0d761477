"""Patches: git's and plain ones do what git does, or nothing; a kill in the middle is undone."""

import os
import subprocess
import sys
import time

import pytest

from dspy_programs.code import apply_patch, undo
from dspy_programs.diffs import Change, File, diff_of, size_of
from dspy_programs.errors import ProgramsError, UsageError
from tests.dspy_programs.code.changing.scripted import git, held

TEN = "".join(f"line {number}\n" for number in range(1, 11))
FIFTH = "--- a/t.txt\n+++ b/t.txt\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+LINE 5\n line 6\n"


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "repo"
    top.mkdir()
    (top / "t.txt").write_text(TEN)
    return top


@pytest.mark.parametrize("options", [[], ["--no-prefix"], ["-U0"], ["-U1"], ["-M"], ["--binary"]])
def test_a_commit_becomes_what_git_makes_of_it(tmp_path, options):
    repo, top = tmp_path / "git", tmp_path / "repo"
    (repo / "sub").mkdir(parents=True)
    git(repo, "init", "-q")
    for name, content in {
        "t.txt": TEN.encode(),
        "sub/moved.py": TEN.replace("line", "x").encode(),
        "gone.txt": b"1\n",
        "end.txt": b"no newline",
        "dos.txt": b"a\r\nb\r\nc\r\n",
        "ünï code.txt": b"a\n",
        "run.sh": b"#!/bin/sh\n",
        "empty.txt": b"",
    }.items():
        (repo / name).write_bytes(content)
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "first")
    subprocess.run(["cp", "-r", repo, top], check=True)
    (repo / "t.txt").write_text("line 0\n" + TEN.replace("line 3\n", "").replace("line 9", "line nine"))
    git(repo, "mv", "sub/moved.py", "moved here.py")
    (repo / "gone.txt").unlink()
    (repo / "end.txt").write_bytes(b"no newline\nhere")
    (repo / "dos.txt").write_bytes(b"a\r\nB\r\nc\r\n")
    (repo / "ünï code.txt").write_bytes(b"b\n")
    (repo / "run.sh").chmod(0o755)
    (repo / "new.txt").write_bytes(b"x")
    (repo / "also empty").write_bytes(b"")
    git(repo, "add", "--all")
    git(repo, "commit", "-qm", "Many things\n\n--- a/not/a/header\n-- \nx")
    patch = subprocess.run(
        ["git", "-C", repo, "format-patch", "-1", "--stdout", *options], capture_output=True, check=True
    ).stdout
    before = held(top)
    apply_patch(patch, top)
    assert held(top) == held(repo) and not (top / "sub").exists()
    undo(top)
    assert held(top) == before


def test_a_diff_of_ours_applies_in_git_too(folder):
    git(folder, "init", "-q")
    changes = [
        Change("t.txt", File(TEN.encode()), File(TEN.replace("line 5", "-- five").encode())),
        Change("new file", None, File(b"x", True)),
    ]
    diff = diff_of(changes)
    assert size_of(diff) == (2, 1) and b"diff --git a/new file b/new file\nnew file mode 100755" in diff
    subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, check=True)
    assert "-- five" in (folder / "t.txt").read_text() and os.access(folder / "new file", os.X_OK)


@pytest.mark.parametrize(
    "patch",
    [
        FIFTH,
        FIFTH.replace("a/", "").replace("b/", ""),
        FIFTH.replace("a/", "pkg.orig/").replace("b/", "pkg/"),
        FIFTH.replace("a/t.txt", "t.txt\t2026-01-01 00:00:00").replace("b/t.txt", "t.txt\t2026-01-02 00:00:00"),
        FIFTH.replace("-4,3 +4,3", "-4,9 +4,2"),  # a model counts badly
        FIFTH.replace("-4,3 +4,3", "-2,3 +2,3"),  # lines have moved
        FIFTH.replace("\n", "\r\n"),
        FIFTH.rstrip("\n"),
        f"\ufeff{FIFTH}",  # some editors and shells of Windows write a mark first
        f"Here it is:\n\n```diff\n{FIFTH}```\n",
        "--- t.txt\n+++ t.txt\n@@ -5 +5 @@\n-line 5\n+LINE 5\n",
        "--- t.txt\n+++ t.txt\n@@ -7 +7 @@\n-line 5\n+LINE 5\n",  # in one place only
        "--- t.txt\n+++ t.txt\n@@ -1,2 +1,2 @@\n line 4\n-line 5\n+LINE 5\n",  # a model leaves out lines after it
    ],
)
def test_plain_and_damaged_forms_are_read(folder, patch):
    apply_patch(patch, folder)
    assert (folder / "t.txt").read_text() == TEN.replace("line 5", "LINE 5")


def test_line_ends_of_windows_stay_where_the_patch_has_none(folder):
    (folder / "t.txt").write_bytes(TEN.replace("\n", "\r\n").encode())
    apply_patch(FIFTH, folder)
    assert (folder / "t.txt").read_bytes() == TEN.replace("line 5", "LINE 5").replace("\n", "\r\n").encode()


def _of(path: str) -> str:
    return FIFTH + f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (FIFTH.replace("line 4", "line four"), r"t\.txt:4: the patch does not apply"),
        (FIFTH.replace("line 6", "line  6"), "does not apply"),
        (FIFTH.replace("t.txt", "u.txt"), "u.txt"),
        (_of("t.txt").replace(FIFTH, ""), "already exists"),
        (_of("../x"), "outside of"),
        (_of("a/../../x"), "outside of"),
        (_of("/etc/x").replace("b//", "/"), "outside of"),
        (_of(".git/hooks/pre-commit"), "git's own"),
        (_of("s/.Git/config"), "git's own"),
        (_of(".env"), "made for secrets"),
        (_of("out/x"), "a link"),
        (_of("link"), "a link"),
        (_of("t.txt/x"), "not a folder"),
        (_of("n" * 300), "too long"),
        ("diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n", "a link or a submodule"),
        (
            "diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n",
            "outside of|invalid",
        ),
        ("diff --git a/t.txt b/../u\nrename from t.txt\nrename to ../u\n", "outside of|invalid|git"),
        ("--- t.txt\n+++ t.txt\n@@ -7 +7 @@\n-line 15\n+LINE 15\n", "without lines around"),
        ("--- r.txt\n+++ r.txt\n@@ -2 +2 @@\n-x\n+y\n", "without lines around"),  # in two places, and in none of them
        ("", "no unified diff"),
        ("\0\1\2" * 100, "no unified diff"),
        ("just words\n", "no unified diff"),
        (FIFTH.replace("@@ -4,3 +4,3 @@", "@@ here @@"), "no unified diff"),
    ],
)
def test_what_does_not_apply_changes_nothing(folder, patch, why):
    (folder / "r.txt").write_text("x\no\nx\no\n")
    (folder / "link").symlink_to("/etc/hosts")
    (folder / "out").symlink_to(folder.parent)
    before = held(folder)
    for check in (True, False):
        with pytest.raises(ProgramsError, match=why):
            apply_patch(patch, folder, check=check)
    assert held(folder) == before and not (folder.parent / "x").exists()


def test_a_patch_of_many_new_files_takes_time_for_each_only(folder):
    patch = "".join(f"--- /dev/null\n+++ b/new/{number}.txt\n@@ -0,0 +1 @@\n+x\n" for number in range(1000))
    began = time.process_time()
    assert len(apply_patch(patch, folder).changes) == 1000
    assert time.process_time() - began < 6


def test_a_patch_that_is_there_already_says_so(folder):
    apply_patch(FIFTH, folder)
    with pytest.raises(UsageError, match="applied already"):
        apply_patch(FIFTH, folder)


def test_check_writes_nothing(folder):
    before = held(folder)
    assert [change.kind for change in apply_patch(_of("new.txt"), folder, check=True).changes] == ["changed", "new"]
    assert held(folder) == before


def _many(folder, count):
    """Write files, and return a patch of all of them, the last of which is large."""
    changes = []
    for number in range(count):
        (folder / f"{number:03}.txt").write_text(TEN)
        changes.append(Change(f"{number:03}.txt", File(TEN.encode()), File(TEN.replace("line 5", "LINE 5").encode())))
    return diff_of([*changes, Change("new/deep/er.txt", None, File(b"x\n"))])


APPLY = "import sys; from dspy_programs.code import apply_patch; apply_patch(sys.stdin.buffer.read(), sys.argv[1])"


def test_a_process_that_is_killed_between_files_is_undone(folder):
    patch = _many(folder, 150)
    before, names = held(folder), sorted(path.name for path in folder.iterdir())
    process = subprocess.Popen([sys.executable, "-c", APPLY, folder], stdin=subprocess.PIPE)
    process.stdin.write(patch)
    process.stdin.close()
    until = time.monotonic() + 60
    first = (folder / "000.txt").read_bytes()  # half-written files, which have names of their own, do not count yet
    while (folder / "000.txt").read_bytes() == first and process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    process.kill()
    process.wait()
    (folder / f".{'0' * 16}.new").write_bytes(b"half a fi")  # what is left of a file that was being written
    now = held(folder)
    assert now["000.txt"] != before["000.txt"] and now["149.txt"] == before["149.txt"], "killed too early or too late"
    assert undo(folder).left == {}
    assert held(folder) == before and sorted(path.name for path in folder.iterdir()) == names


FILLS_UP = """
import resource, sys
from pathlib import Path
from dspy_programs.diffs import Change, File
from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.writing import writing

folder = Folder(sys.argv[1])
small = [Change(f"{n}.txt", folder.file(f"{n}.txt"), File(b"new")) for n in range(3)]
with writing(folder, "x") as writer:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    writer.write([*small, Change("large/z.txt", None, File(b"x" * 400_000))])
"""


def test_a_disk_that_fills_in_the_middle_changes_nothing(folder):
    for number in range(3):
        (folder / f"{number}.txt").write_text(TEN)
    before = held(folder)
    done = subprocess.run([sys.executable, "-c", FILLS_UP, folder], capture_output=True, text=True, check=False)
    assert "ToolError: large/z.txt: cannot be written: File too large" in done.stderr
    assert held(folder) == before and not (folder / "large").exists()
    with pytest.raises(UsageError, match="nothing to undo"):
        undo(folder)


def test_two_at_once_lose_nothing(folder):
    (folder / "t.txt").write_text("".join(f"line {number}\n" for number in range(200)))
    patches = [
        f"--- a/t.txt\n+++ b/t.txt\n@@ -{at},3 +{at},3 @@\n line {at - 1}\n-line {at}\n+LINE {at}\n line {at + 1}\n"
        for at in (20, 60, 100, 140)
    ]
    running = [subprocess.Popen([sys.executable, "-c", APPLY, folder], stdin=subprocess.PIPE) for _ in patches]
    for process, patch in zip(running, patches, strict=True):
        process.stdin.write(patch.encode())
        process.stdin.close()
    assert [process.wait() for process in running] == [0] * 4
    assert (folder / "t.txt").read_text().count("LINE") == 4
    for _ in patches:
        undo(folder)
    assert "LINE" not in (folder / "t.txt").read_text()

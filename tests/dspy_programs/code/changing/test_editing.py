"""Edits: what fits is shown, written, tested, repaired once, put back; what does not fit changes nothing."""

import json
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dspy_programs.agent.workspace import sandbox
from dspy_programs.code import edit, undo
from dspy_programs.errors import ProgramsError, UsageError
from dspy_programs.lm import use
from tests.dspy_programs.code.changing.scripted import CART, Scripted, git, held
from tests.fakes import scripted_lm

RIGHT = ("cart.py", "    return sum(items)", "    return round(sum(items), 2)")
WRONG = ("cart.py", "    return sum(items)", "    return max(items)")
MENDED = ("cart.py", "    return max(items)", "    return round(sum(items), 2)")
TESTS = "python -c \"from cart import total; assert total([1, 2]) == 3, 'total is wrong'\""
sandboxed = pytest.mark.skipif(not sandbox.works(), reason="needs a sandbox: pip install 'dspy-programs[agent]'")


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "repo"
    top.mkdir()
    (top / "cart.py").write_text(CART)
    (top / "notes.md").write_text("# Notes\n")
    return top


def test_edits_are_shown_and_written_only_if_asked(folder):
    before = held(folder)
    done = edit("round totals", folder, editor=Scripted([RIGHT]))
    assert b"-    return sum(items)\n+    return round(sum(items), 2)\n" in done.diff and not done.applied
    assert held(folder) == before
    assert edit("round totals", folder, editor=Scripted([RIGHT]), apply=True).applied
    assert "round(sum(items), 2)" in (folder / "cart.py").read_text()


def test_the_files_are_found_by_a_search(folder):
    editor = Scripted([RIGHT])
    edit("round what total returns", folder, editor=editor)
    assert "cart.py" in editor.asked[0][1]


def test_undo_puts_back_each_change_in_turn_with_modes_and_new_folders(folder):
    os.chmod(folder / "cart.py", 0o750)
    first = held(folder)
    edit("round", folder, editor=Scripted([RIGHT]), files=["cart.py"], apply=True)
    second = held(folder)
    assert second["cart.py"][1] == 0o750
    edit("add", folder, editor=Scripted([("a/b/new.py", "", "x = 1\n")]), files=["cart.py"], apply=True)
    assert undo(folder).back == ["a/b/new.py"]
    assert held(folder) == second and not (folder / "a").exists()
    assert undo(folder).what == "round"
    assert held(folder) == first
    with pytest.raises(UsageError, match="nothing to undo"):
        undo(folder)


def test_undo_leaves_what_was_changed_since_unless_forced(folder):
    edit("round", folder, editor=Scripted([RIGHT]), files=["cart.py"], apply=True)
    (folder / "cart.py").write_text("mine\n")
    assert undo(folder).left == {"cart.py": "it has changed since"}
    assert (folder / "cart.py").read_text() == "mine\n"
    assert undo(folder, force=True).back == ["cart.py"]
    assert (folder / "cart.py").read_text() == CART


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../out.py", "outside of"),
        ("/etc/passwd", "outside of"),
        ("~/x.py", "outside of"),
        (".git/hooks/pre-commit", "git's own files"),
        ("sub/.GIT/config", "git's own files"),
        (".env", "made for secrets"),
        ("link.py", "a link"),
        ("linked/x.py", "a link"),
        ("pipe", "not a file"),
        ("sub", "a folder"),
        ("n" * 300, "too long"),
        ("a\nb", "control characters"),
    ],
)
def test_hostile_edits_change_nothing(folder, path, why):
    (folder / "sub").mkdir()
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "link.py").symlink_to(outside / "x.py")
    (folder / "linked").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    before = held(folder)
    with pytest.raises(ProgramsError, match=why):
        edit("x", folder, editor=Scripted([RIGHT, (path, "", "x = 1\n")]), files=["cart.py"], apply=True)
    assert held(folder) == before and not list(outside.iterdir())


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ([("cart.py", "items", "rows")], "times"),
        ([("cart.py", "zebra()", "lion()")], "is not in cart.py"),
        ([("cart.py", "    return sum(items)", "    return sum(items")], "no longer Python"),
        ([("cart.py", "", "x = 1\n")], "has text"),
        ([("notes.md", "", "x = 1\n")], "has not seen"),
        ([("cart.py", "sum(items)", "sum(items)")], "change nothing"),
        ([RIGHT, ("cart.py", "    return sum(items)", "    pass")], "is not in cart.py"),
        ([], "it gave none"),
    ],
)
def test_edits_that_do_not_fit_change_nothing_and_say_why(folder, edits, why):
    before = held(folder)
    done = edit("x", folder, editor=Scripted(edits), files=["cart.py"], apply=True)
    assert why in done.failure and not done.applied and not done.succeeded
    assert held(folder) == before


def test_indent_and_trailing_blanks_may_differ_and_windows_line_ends_stay(folder):
    (folder / "cart.py").write_bytes(b"class A:\r\n    def f(self):  \r\n        return 1\r\n")
    answer = [("cart.py", "def f(self):\n    return 1", "def f(self):\n    return 2")]
    edit("x", folder, editor=Scripted(answer), files=["cart.py"], apply=True)
    assert (folder / "cart.py").read_bytes() == b"class A:\r\n    def f(self):\r\n        return 2\r\n"


@pytest.mark.parametrize("content", [b"\0\1\2", b"caf\xe9\n"])
def test_what_is_no_text_is_not_edited(folder, content):
    (folder / "data.py").write_bytes(content)
    with pytest.raises(UsageError, match=r"data\.py: not a text"):
        edit("x", folder, editor=Scripted([RIGHT]), files=["data.py"])


def test_a_task_that_is_no_text_is_refused(folder):
    with pytest.raises(UsageError, match="no text; write the task in UTF-8"):
        edit("replace `total` by `\udcff`", folder, apply=True)


def test_a_read_only_file_stops_the_whole_edit(folder):
    os.chmod(folder / "cart.py", 0o444)
    before = held(folder)
    edits = [("new.py", "", "x = 1\n"), RIGHT]
    with pytest.raises(UsageError, match=r"cart\.py: read-only"):
        edit("x", folder, editor=Scripted(edits), files=["cart.py"], apply=True)
    assert held(folder) == before


def test_a_file_that_changed_meanwhile_gets_both_changes(folder):
    def somebody():
        (folder / "cart.py").write_text(CART.replace("len(items)", "len(list(items))"))

    edit("round", folder, editor=Scripted([RIGHT], meanwhile=somebody), files=["cart.py"], apply=True)
    text = (folder / "cart.py").read_text()
    assert "round(sum(items), 2)" in text and "len(list(items))" in text
    undo(folder)
    assert (folder / "cart.py").read_text() == CART.replace("len(items)", "len(list(items))")


def test_a_change_in_the_same_place_meanwhile_is_a_conflict_and_stays(folder):
    theirs = CART.replace("sum(items)", "sum(items, start=0)")
    editor = Scripted([RIGHT, ("new.py", "", "x = 1\n")], meanwhile=lambda: (folder / "cart.py").write_text(theirs))
    with pytest.raises(UsageError, match=r"cart\.py:2: changed since it was read"):
        edit("round", folder, editor=editor, files=["cart.py"], apply=True)
    assert (folder / "cart.py").read_text() == theirs and not (folder / "new.py").exists()


@sandboxed
def test_tests_that_pass_end_it(folder):
    done = edit("round", folder, editor=Scripted([RIGHT]), files=["cart.py"], apply=True, test_cmd=TESTS)
    assert [result.passed for result in done.tests] == [True] and done.applied and done.succeeded


@sandboxed
def test_a_failure_is_repaired_once_from_its_output(folder):
    editor = Scripted([WRONG], [MENDED])
    done = edit("round", folder, editor=editor, files=["cart.py"], apply=True, test_cmd=TESTS)
    assert [result.passed for result in done.tests] == [False, True] and done.applied
    task, code, feedback = editor.asked[1]
    assert task == "round" and "max(items)" in code["cart.py"] and "total is wrong" in feedback
    assert b"-    return sum(items)\n+    return round(sum(items), 2)" in done.diff
    undo(folder)
    assert (folder / "cart.py").read_text() == CART


@sandboxed
@pytest.mark.parametrize("second", [[("cart.py", "max(items)", "min(items)")], []])
@pytest.mark.parametrize("keep", [False, True])
def test_tests_that_still_fail_put_everything_back_unless_told_otherwise(folder, second, keep):
    before = held(folder)
    edits = [WRONG, ("new/n.py", "", "x = 1\n")]
    done = edit("x", folder, editor=Scripted(edits, second), files=["cart.py"], apply=True, test_cmd=TESTS, keep=keep)
    assert not done.succeeded and done.applied is keep and "total is wrong" in done.tests[-1].output
    assert (held(folder) == before) is not keep and (folder / "new").exists() is keep
    if keep:
        undo(folder)
        assert held(folder) == before
    else:
        with pytest.raises(UsageError, match="nothing to undo"):
            undo(folder)


@sandboxed
def test_a_failing_test_is_repaired_without_a_model(folder):
    (folder / "cart.py").write_text(CART.replace("len(items)", "len(items) - 1"))
    (folder / "test_cart.py").write_text("from cart import count\n\nassert count([1, 2]) == 2\n")
    before = held(folder)
    done = edit("mend count", folder, files=["cart.py"], apply=True, test_cmd="python test_cart.py")
    assert done.answered_by == "rules" and done.succeeded and (folder / "cart.py").read_text() != before["cart.py"][0].decode()
    undo(folder)
    assert held(folder) == before


@sandboxed
def test_what_no_small_repair_mends_is_as_it_was(folder):
    before = held(folder)
    done = edit("mend count", folder, files=["cart.py"], apply=True, test_cmd="exit 1", test_seconds=3)
    assert "no small repair does it" in done.failure and held(folder) == before
    with pytest.raises(UsageError, match="nothing to undo"):
        undo(folder)


@sandboxed
def test_tests_that_pass_already_leave_nothing_to_repair(folder):
    with pytest.raises(UsageError, match="the tests pass as it is"):
        edit("mend count", folder, files=["cart.py"], apply=True, test_cmd="true")


@sandboxed
def test_a_model_is_shown_how_the_tests_fail(folder):
    (folder / "cart.py").write_text(CART.replace("sum(items)", "print(items)"))
    prompts = []

    def reply(prompt):
        prompts.append(prompt)
        edits = [{"path": "cart.py", "old": "    return print(items)", "new": "    return sum(items)"}]
        return json.dumps({"reply": {"why": "It counts.", "edits": edits}})

    with use(scripted_lm(reply)), pytest.warns(UserWarning, match="code_editor"):
        done = edit("total is wrong", folder, files=["cart.py"], apply=True, test_cmd=TESTS)
    assert done.answered_by == "model" and done.succeeded and "total is wrong" in prompts[0]
    assert (folder / "cart.py").read_text() == CART


@sandboxed
def test_tests_have_a_time_limit_and_reach_nothing_outside(folder):
    secret = folder.parent / "secret.txt"
    secret.write_text("s")
    done = edit(
        "x",
        folder,
        editor=Scripted([RIGHT], []),
        files=["cart.py"],
        apply=True,
        test_cmd=f"cat {secret}; echo TOKEN=ghp_{'a1B2' * 9}; sleep 60",
        test_seconds=1,
    )
    assert done.tests[0].stopped == "it took too long" and "No such file" in done.tests[0].output
    assert "ghp_a1B2" not in done.tests[0].output


@sandboxed
def test_a_file_that_the_tests_delete_is_said(folder):
    with pytest.raises(UsageError, match=r"not put back: cart\.py \(it has changed since\).*undo --force"):
        edit("rename total to sum_of", folder, apply=True, test_cmd="rm cart.py; false", files=["cart.py"])
    undo(folder, force=True)
    assert (folder / "cart.py").read_text() == CART


def test_an_interrupted_edit_is_put_back(folder):
    before = held(folder)

    def stop():
        if "round" in (folder / "cart.py").read_text():
            raise KeyboardInterrupt

    if not sandbox.works():
        pytest.skip("needs a sandbox")
    editor = Scripted([RIGHT], [], meanwhile=stop)
    with pytest.raises(KeyboardInterrupt):
        edit("x", folder, editor=editor, files=["cart.py"], apply=True, test_cmd="false")
    assert held(folder) == before


KILLED = """
import sys
from dspy_programs.code import edit
from tests.dspy_programs.code.changing.scripted import Scripted

RIGHT = ("cart.py", "    return sum(items)", "    return round(sum(items), 2)")
editor = Scripted([RIGHT, ("new/n.py", "", "x = 1\\n")])
edit("x", sys.argv[1], editor=editor, files=["cart.py"], apply=True, test_cmd="test -e new/n.py && sleep 60")
"""


@sandboxed
def test_an_edit_that_is_killed_while_its_tests_run_is_undone(folder):
    before = held(folder)
    process = subprocess.Popen([sys.executable, "-c", KILLED, folder])
    until = time.monotonic() + 60
    while not (folder / "new/n.py").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert sorted(undo(folder).back) == ["cart.py", "new/n.py"]
    assert held(folder) == before and not (folder / "new").exists()


def test_two_edits_at_once_lose_nothing_or_one_says_why(folder):
    (folder / "n.py").write_text("".join(f"x{number} = {number}\n" for number in range(40)))

    def change(number):
        answer = [("n.py", f"x{number} = {number}\n", f"x{number} = -{number}\n")]
        return edit("x", folder, editor=Scripted(answer), files=["n.py"], apply=True).applied

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(change, range(0, 40, 8)))
    assert (folder / "n.py").read_text().count("-") == 5


def test_a_checkpoint_touches_neither_head_nor_index_nor_what_is_staged(folder):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    (folder / "notes.md").write_text("# Staged\n")
    git(folder, "add", "notes.md")
    (folder / "notes.md").write_text("# Staged and more\n")
    index, status = (folder / ".git/index").read_bytes(), git(folder, "status", "--porcelain")
    head, stash = git(folder, "rev-parse", "HEAD"), git(folder, "stash", "list")
    done = edit("round", folder, editor=Scripted([RIGHT]), files=["cart.py"], apply=True)
    assert git(folder, "show", f"{done.checkpoint}:notes.md") == "# Staged and more\n"
    assert git(folder, "show", f"{done.checkpoint}:cart.py") == CART
    assert git(folder, "rev-parse", f"{done.checkpoint}^") == head == git(folder, "rev-parse", "HEAD")
    undo(folder)
    assert git(folder, "diff", "--cached") and git(folder, "stash", "list") == stash
    assert git(folder, "status", "--porcelain") == status and (folder / ".git/index").stat().st_size == len(index)
    assert git(folder, "for-each-ref", "refs/dspy-programs") == ""


def test_a_repository_without_commits_and_hostile_settings_run_nothing(folder):
    git(folder, "init", "-q")
    mark = folder.parent / "mark"
    hook = folder / ".git/hooks/reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    git(folder, "config", "filter.evil.clean", f"touch {mark}; cat")
    (folder / ".gitattributes").write_text("*.py filter=evil\n")
    before = held(folder)
    done = edit("round", folder, editor=Scripted([RIGHT]), files=["cart.py"], apply=True)
    assert done.applied and done.checkpoint and not mark.exists()
    undo(folder)
    assert held(folder) == before and not mark.exists()


def test_a_model_is_needed_for_what_is_not_spelled_out(folder):
    with pytest.raises(UsageError, match="a model is needed"):
        edit("make it nicer", folder)
    with pytest.raises(UsageError, match="the new name is taken; a model is needed"):
        edit("rename total to count", folder)
    (folder / "bag.py").write_text("class Bag(Model):\n    def put(self): ...\n")
    with pytest.raises(UsageError, match=r"Bag\.put is not renamed: Bag inherits from Model, .*; a model is needed"):
        edit("rename Bag.put to add", folder)
    (folder / "bag.py").write_text("class Bag:\n    def put(self): ...\n\n\nBag().put()\n")
    assert edit("rename Bag.put to add", folder).diff.count(b"add") == 2


def test_rules_rename_in_all_files_without_a_model(folder):
    (folder / "shop.py").write_text("from cart import total\n\nprint(total([1]))\n")
    done = edit("rename total to sum_of", folder, apply=True)
    assert done.answered_by == "rules" and sorted(change.path for change in done.changes) == ["cart.py", "shop.py"]
    assert subprocess.run(["python", "shop.py"], cwd=folder, capture_output=True, check=True).stdout == b"1\n"


def test_only_the_last_changes_are_kept(folder):
    git(folder, "init", "-q")
    for number in range(22):
        before, after = (f"x = {n}\n" for n in (number, number + 1))
        (folder / "n.py").write_text(before)
        edit("x", folder, editor=Scripted([("n.py", before, after)]), files=["n.py"], apply=True)
    assert len(git(folder, "for-each-ref", "refs/dspy-programs").splitlines()) == 20
    for _ in range(20):
        undo(folder)
    with pytest.raises(UsageError, match="nothing to undo"):
        undo(folder)

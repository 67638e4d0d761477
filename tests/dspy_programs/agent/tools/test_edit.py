from concurrent.futures import ThreadPoolExecutor

import pytest

from dspy_programs.agent.tools.edit import apply_patch, edit_file
from tests.dspy_programs.agent.scopes import said, scope_in

CODE = "def f():\n    return 1\n\nx = 1\ny = 1\n"


@pytest.fixture
def scope(tmp_path):
    scope = scope_in(tmp_path / "w")
    scope.workspace.write("a.py", CODE)
    return scope


def test_the_one_place_is_replaced_and_shown(scope):
    answer = said(edit_file, scope, path="a.py", old="    return 1", new="    return 2")
    assert answer == "a.py: replaced 1 time. It now reads:\ndef f():\n    return 2\n\nx = 1"
    assert scope.workspace.text("a.py") == CODE.replace("return 1", "return 2")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("= 1", "= 2", "old occurs 2 times, in lines 4, 5"),
        ("  return 1\nx", "", "The nearest, from line 2, is:\n    return 1\n"),
        ("zebra", "lion", "Nothing like it is there"),
        ("", "x", "must not be empty"),
        ("x = 1", "x = 1", "must differ"),
    ],
)
def test_an_edit_that_does_not_fit_changes_nothing_and_says_where(scope, old, new, fault):
    assert fault in said(edit_file, scope, path="a.py", old=old, new=new)
    assert scope.workspace.text("a.py") == CODE


def test_everywhere_replaces_all(scope):
    assert "replaced 2 times" in said(edit_file, scope, path="a.py", old="= 1", new="= 2", everywhere=True)
    assert scope.workspace.text("a.py").count("= 2") == 2


def test_line_ends_of_windows_stay(scope):
    scope.workspace.write("w.txt", "one\r\ntwo\r\n")
    said(edit_file, scope, path="w.txt", old="one\ntwo", new="one\n2")
    assert scope.workspace.read("w.txt") == b"one\r\n2\r\n"


def test_actors_that_edit_one_file_lose_nothing(scope):
    scope.workspace.write("n.txt", "".join(f"<{number}>\n" for number in range(40)))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: said(edit_file, scope, path="n.txt", old=f"<{n}>", new=f"[{n}]"), range(40)))
    assert scope.workspace.text("n.txt") == "".join(f"[{number}]\n" for number in range(40))


def test_a_patch_is_applied_with_and_without_gits_prefixes(scope):
    patch = "--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n def f():\n-    return 1\n+    return 2\n \n"
    assert apply_patch.touches({"patch": patch}) == ["a.py"]
    assert said(apply_patch, scope, patch=patch) == "patched: a.py"
    bare = (
        "--- a.py\n+++ a.py\n@@ -1,9 +1,9 @@\n def f():\n-    return 2\n+    return 3"  # wrong counts, no line end, no context
    )
    assert said(apply_patch, scope, patch=bare) == "patched: a.py"
    assert "return 3" in scope.workspace.text("a.py")


def test_a_patch_that_fits_in_part_changes_nothing(scope):
    scope.workspace.write("b.py", "b\n")
    patch = "--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-b\n+c\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-zebra\n+lion\n"
    assert "does not fit" in said(apply_patch, scope, patch=patch)
    assert scope.workspace.text("b.py") == "b\n"


def test_a_hunk_without_context_goes_where_it_says_and_not_to_the_end(scope):
    said(apply_patch, scope, patch="--- a/a.py\n+++ b/a.py\n@@ -3,0 +4 @@\n+z = 1\n")
    assert scope.workspace.text("a.py") == CODE.replace("x = 1", "z = 1\nx = 1")


def test_a_patch_makes_files_and_one_without_files_is_refused(scope):
    assert said(apply_patch, scope, patch="--- /dev/null\n+++ b/new/n.txt\n@@ -0,0 +1 @@\n+hello\n") == "patched: new/n.txt"
    assert scope.workspace.text("new/n.txt") == "hello\n"
    assert "names no file" in said(apply_patch, scope, patch="please change a to b")


@pytest.mark.parametrize(
    "patch",
    [
        '--- "a/\\056env"\n+++ "b/\\056env"\n@@ -1 +1 @@\n-x\n+y\n',
        "--- a/.env 2020-01-01 00:00:00.000000000 +0000\n+++ b/.env 2020-01-01 00:00:00.000000000 +0000\n@@ -1 +1 @@\n-x\n+y\n",
        "diff --git a/.env b/.env\ndeleted file mode 100644\n--- a/.env\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
        "diff --git a/.env b/copy\nsimilarity index 100%\nrename from .env\nrename to copy\n",
        "diff --git a/.env b/.env\nold mode 100644\nnew mode 100755\n",
    ],
)
def test_no_way_to_write_a_name_hides_it_from_the_policy(scope, patch):
    """Whatever git would change is among the paths that the tool says it touches, or nothing is changed."""
    scope.workspace.write(".env", "x\n")
    answer = said(apply_patch, scope, patch=patch)
    assert ".env" in apply_patch.touches({"patch": patch}) or answer.startswith("ToolError")
    if ".env" not in apply_patch.touches({"patch": patch}):
        assert scope.workspace.text(".env") == "x\n"

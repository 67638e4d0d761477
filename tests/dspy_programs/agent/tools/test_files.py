import pytest

from dspy_programs.agent.tools.files import (
    MOST_CHARACTERS,
    append,
    delete_file,
    find_files,
    list_files,
    move_file,
    read_file,
    write_file,
)
from dspy_programs.matching import path_matches
from tests.dspy_programs.agent.scopes import said, scope_in


@pytest.fixture
def scope(tmp_path):
    return scope_in(tmp_path / "w")


def test_what_is_written_is_read_again(scope):
    assert said(write_file, scope, path="a/b.txt", content="one\r\ntwo\n") == "a/b.txt: written; lines: 2"
    assert said(read_file, scope, path="a/b.txt") == "one\r\ntwo\n"
    assert said(write_file, scope, path="a/b.txt", content="") == "a/b.txt: replaced; lines: 0"
    assert said(read_file, scope, path="a/b.txt") == "[the file is empty]"


def test_lines_are_counted_from_one(scope):
    scope.workspace.write("n.txt", "".join(f"line {number}\n" for number in range(1, 11)))
    assert said(read_file, scope, path="n.txt", first_line=9) == "line 9\nline 10\n"
    assert said(read_file, scope, path="n.txt", first_line=2, last_line=3) == "line 2\nline 3\n"
    assert "has only 10 lines" in said(read_file, scope, path="n.txt", first_line=11)
    assert "count from 1" in said(read_file, scope, path="n.txt", first_line=0)
    assert "count from 1" in said(read_file, scope, path="n.txt", first_line=5, last_line=4)


def test_a_long_file_is_cut_with_a_mark_that_says_how_to_go_on(scope):
    scope.workspace.write("n.txt", "".join(f"line {number}\n" for number in range(1, 5001)))
    answer = said(read_file, scope, path="n.txt")
    assert answer.endswith("[cut here: these were lines 1 to 300; read_file with first_line=301 shows more]")
    assert said(read_file, scope, path="n.txt", first_line=301).startswith("line 301\n")


def test_one_endless_line_is_cut_and_not_held(scope):
    scope.workspace.write("n.txt", "x" * 5_000_000)
    answer = said(read_file, scope, path="n.txt")
    assert len(answer) < MOST_CHARACTERS + 200 and "cut" in answer


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("\ufeffé".encode(), "é"),
        ("é€".encode("utf-16"), "é€"),
        ("café \u20ac".encode("cp1252"), "café €"),
        (b"\x89PNG\0\0", "ToolError: f: a binary file"),
        ("é".encode() * 8191 + b"\xff", "é"),
    ],
)
def test_encodings_are_read_and_binary_is_said(scope, data, shown):
    (scope.workspace.root / "f").write_bytes(data)
    assert said(read_file, scope, path="f").startswith(shown)


def test_append_begins_a_new_line_and_makes_the_file(scope):
    for text in ("one", "two\n", "three"):
        assert "added" in said(append, scope, path="a.txt", content=text)
    assert scope.workspace.text("a.txt") == "one\ntwo\nthree\n"


def test_folders_and_files_are_listed(scope):
    for path in ("b.txt", "src/x.py", "src/deep/y.py", ".hidden"):
        scope.workspace.write(path, "x")
    assert said(list_files, scope).splitlines() == [".hidden (1 bytes)", "b.txt (1 bytes)", "src/"]
    assert said(list_files, scope, path="src").splitlines() == ["src/deep/", "src/x.py (1 bytes)"]
    assert "not a folder" in said(list_files, scope, path="b.txt")
    assert said(find_files, scope, pattern="*.py").splitlines() == ["src/deep/y.py", "src/x.py"]
    assert said(find_files, scope, pattern="hid") == ".hidden"
    assert said(find_files, scope, pattern="nothing*") == "[no file is named nothing*]"


def test_a_folder_of_many_files_is_cut_with_a_mark(scope):
    for number in range(250):
        (scope.workspace.root / f"{number:03}.txt").touch()
    assert said(list_files, scope).splitlines()[-1].startswith("[cut here: more than 200")


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("src/a.py", "*.py", True),
        ("a.py", "**/*.py", True),
        ("src/x/a.py", "src/**/*.py", True),
        ("src/a.py", "src/**/*.py", True),
        ("src/a.py", "./src/*.py", True),
        ("src/a.PY", "*.py", False),
        ("src/a.py", "lib/*.py", False),
    ],
)
def test_patterns(path, pattern, fits):
    assert path_matches(path, pattern) is fits


def test_a_file_is_moved_and_nothing_is_overwritten(scope):
    scope.workspace.write("a.txt", "a")
    scope.workspace.write("b.txt", "b")
    assert "exists already" in said(move_file, scope, path="a.txt", to="b.txt")
    assert said(move_file, scope, path="a.txt", to="new/c.txt") == "a.txt: now new/c.txt"
    assert "there is no such file" in said(move_file, scope, path="a.txt", to="d.txt")
    assert said(move_file, scope, path="b.txt", to="new") == "b.txt: now new/b.txt"
    assert said(move_file, scope, path="new/b.txt", to="old/") == "new/b.txt: now old/b.txt"
    assert [found.path for found in scope.workspace.walk()] == ["new", "new/c.txt", "old", "old/b.txt"]


def test_a_file_that_is_elsewhere_or_named_otherwise_is_said(scope):
    scope.workspace.write("shop/cart.py", "x")
    assert said(read_file, scope, path="cart.py").endswith("no such file or folder; there is shop/cart.py")
    assert said(read_file, scope, path="store/cart.py").endswith("no such file or folder; there is shop/cart.py")
    assert said(read_file, scope, path="shop/carts.py").endswith("there is shop/cart.py")
    assert said(read_file, scope, path="zebra").endswith("list_files shows what is there")
    assert "begin without /" in said(read_file, scope, path="/shop/cart.py")


def test_one_file_is_deleted_and_no_folder(scope):
    scope.workspace.write("src/a.txt", "a")
    assert said(delete_file, scope, path="src/a.txt") == "src/a.txt: deleted"
    assert "cannot be deleted" in said(delete_file, scope, path="src")
    assert "no such file" in said(delete_file, scope, path="src/a.txt")

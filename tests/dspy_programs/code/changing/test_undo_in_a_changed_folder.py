"""Undo where a file cannot be put back: the others are, nothing is written through a link, and called again it goes on."""

import shutil

import pytest

from dspy_programs.__main__ import main
from dspy_programs.code import apply_patch, undo

NAMES = ("a.txt", "sub/b.txt", "z.txt")
PATCH = "".join(f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-old\n+new\n" for name in NAMES)


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "repo"
    (top / "sub").mkdir(parents=True)
    for name in NAMES:
        (top / name).write_text("old\n")
    apply_patch(PATCH, top)
    return top


def _is_behind_a_link_out(folder):
    (folder / "sub").rename(folder.parent / "out")
    (folder / "sub").symlink_to(folder.parent / "out")


def _is_behind_a_link_inside(folder):
    (folder / "sub").rename(folder / "other")
    (folder / "sub").symlink_to("other")


def _is_a_link(folder):
    (folder / "sub/b.txt").rename(folder / "other.txt")
    (folder / "sub/b.txt").symlink_to("../other.txt")


def _is_below_a_file(folder):
    shutil.rmtree(folder / "sub")
    (folder / "sub").write_text("a file\n")


def _is_read_only(folder):
    (folder / "sub/b.txt").chmod(0o444)


def _is_too_large(folder):
    with (folder / "sub/b.txt").open("ab") as file:
        file.truncate(30_000_000)


HOW = {
    _is_behind_a_link_out: "link",
    _is_behind_a_link_inside: "link",
    _is_a_link: "link",
    _is_below_a_file: "sub is not a folder",
    _is_read_only: "read-only",
    _is_too_large: "larger than",
}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("change", HOW)
def test_one_file_that_cannot_be_put_back_does_not_keep_the_others(folder, change, force):
    change(folder)
    outside = [path for path in folder.parent.rglob("*.txt") if path.name not in ("a.txt", "z.txt")]
    before = [path.read_bytes() for path in outside]
    done = undo(folder, force=force)
    assert list(done.left) == ["sub/b.txt"] and HOW[change] in done.left["sub/b.txt"]
    assert (folder / "a.txt").read_text() == (folder / "z.txt").read_text() == "old\n"
    assert [path.read_bytes() for path in outside] == before


def test_called_again_it_goes_on(folder):
    _is_read_only(folder)
    assert undo(folder).left
    (folder / "sub/b.txt").chmod(0o644)
    assert not undo(folder).left
    assert (folder / "sub/b.txt").read_text() == "old\n"


def test_force_is_named_only_where_it_helps(folder, capsys):
    _is_below_a_file(folder)
    (folder / "a.txt").write_text("mine\n")
    assert main(["code", "undo", str(folder)]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if "left as it is" in line]
    assert ["--force" in line for line in lines] == [True, False]

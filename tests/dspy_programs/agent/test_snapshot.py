import os

import pytest

from dspy_programs.agent.workspace.snapshot import Snapshot
from dspy_programs.agent.workspace.workspace import Workspace


def state(root):
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode) for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def root(tmp_path):
    (root := tmp_path / "w").mkdir()
    (root / "sub").mkdir()
    (root / "a.txt").write_text("a\n")
    (root / "sub" / "run.sh").write_bytes(b"\xff\x00")
    (root / "sub" / "run.sh").chmod(0o750)
    return root


def test_changed_deleted_moved_and_new_files_are_as_before(root):
    before = state(root)
    kept = Snapshot.of(Workspace(root))
    (root / "a.txt").write_text("spoiled")
    (root / "a.txt").chmod(0o600)
    (root / "sub" / "run.sh").rename(root / "moved.sh")
    (root / "new").mkdir()
    (root / "new" / "b.txt").write_text("b")
    assert sorted(kept.restore()) == ["a.txt", "moved.sh", "new/b.txt", "sub/run.sh"]
    assert state(root) == before and not (root / "new").exists()
    assert kept.restore() == []


def test_a_folder_in_a_files_place_gives_way(root):
    before = state(root)
    kept = Snapshot.of(Workspace(root))
    (root / "a.txt").unlink()
    (root / "a.txt" / "in").mkdir(parents=True)
    (root / "a.txt" / "in" / "b.txt").write_text("b")
    kept.restore()
    assert state(root) == before


def test_a_link_that_was_put_in_a_files_place_does_not_lead_out(root, tmp_path):
    (outside := tmp_path / "outside.txt").write_text("mine")
    before = state(root)
    kept = Snapshot.of(Workspace(root))
    (root / "a.txt").unlink()
    os.symlink(outside, root / "a.txt")
    kept.restore()
    assert outside.read_text() == "mine" and state(root) == before and not (root / "a.txt").is_symlink()


def test_a_link_that_was_there_stays(root):
    os.symlink("a.txt", root / "link")
    kept = Snapshot.of(Workspace(root))
    (root / "a.txt").write_text("spoiled")
    assert kept.restore() == ["a.txt"] and (root / "link").read_text() == "a\n"


@pytest.mark.parametrize("limit", [{"most_files": 1}, {"most_bytes": 3}])
def test_a_workspace_that_is_too_large_is_not_kept(root, limit):
    assert Snapshot.of(Workspace(root), **limit) is None

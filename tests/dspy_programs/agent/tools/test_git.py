import subprocess

import pytest

from dspy_programs.agent.tools.git import git_commit, git_diff, git_log, git_status
from tests.dspy_programs.agent.scopes import said, scope_in


@pytest.fixture
def scope(tmp_path):
    scope = scope_in(tmp_path / "w")
    subprocess.run(["git", "init", "-q", str(tmp_path / "w")], check=True)
    scope.workspace.write("a.txt", "one\n")
    return scope


def test_changes_are_seen_committed_and_told(scope):
    assert "?? a.txt" in said(git_status, scope)
    assert said(git_commit, scope, message="Begin\n\n# no comment").endswith(": Begin")
    scope.workspace.write("a.txt", "two\n")
    scope.workspace.write("b.txt", "b\n")
    assert "-one\n+two" in said(git_diff, scope)
    assert said(git_commit, scope, message="Only a", paths=["a.txt"]).endswith(": Only a")
    assert said(git_log, scope, count=1).endswith("Only a") and len(said(git_log, scope).splitlines()) == 2
    assert "?? b.txt" in said(git_status, scope)
    assert said(git_diff, scope) == "[no difference]"


def test_what_git_has_against_it_is_told(scope, tmp_path):
    said(git_commit, scope, message="Begin")
    assert "nothing to commit" in said(git_commit, scope, message="Again")
    assert "the message is empty" in said(git_commit, scope, message=" ")
    assert "not a git repository" in said(git_status, scope_in(tmp_path / "other"))


def test_a_repository_above_is_not_used(scope, tmp_path):
    (tmp_path / "w" / "inner").mkdir()
    assert "not a git repository" in said(git_status, scope_in(tmp_path / "w" / "inner"))


def test_nothing_that_a_repository_names_is_run(scope, tmp_path):
    said(git_commit, scope, message="Begin")
    planted = f"touch {tmp_path}/w/planted; echo evil"
    settings = {"core.fsmonitor": planted, "core.pager": planted, "diff.external": planted, "core.editor": planted}
    settings |= {f"filter.evil.{kind}": planted for kind in ("clean", "smudge", "process")}
    (tmp_path / "w" / ".git" / "info" / "attributes").write_text("*.txt filter=evil\n")
    for key, value in settings.items():
        subprocess.run(["git", "-C", str(tmp_path / "w"), "config", key, value], check=True)
    hook = tmp_path / "w" / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\n{planted}\n")
    hook.chmod(0o755)
    scope.workspace.write("a.txt", "two\n")
    for tool, arguments in ((git_status, {}), (git_diff, {}), (git_log, {}), (git_commit, {"message": "x"})):
        assert "evil" not in said(tool, scope, **arguments)
    assert not (tmp_path / "w" / "planted").exists()

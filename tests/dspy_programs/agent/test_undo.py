"""What a run has changed can be put back."""

import pytest

from dspy_programs.__main__ import main
from dspy_programs.agent import Agent, Policy, Rule, Sessions

ALLOWED = Policy((Rule(verdict="allow", tool="*"),))


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work" / "docs").mkdir(parents=True)
    (tmp_path / "work" / "a.txt").write_bytes(b"one\r\n\xff")
    (tmp_path / "work" / "docs" / "b.txt").write_text("two\n")
    (tmp_path / "work" / "docs" / "c.txt").write_text("three\n")
    return tmp_path / "work"


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(work, goal):
    with Sessions(work.parent / "s.sqlite").new(goal) as session:
        return Agent(workspace=work, session=session, policy=ALLOWED).run()


def undo(work, *argv):
    return main(["sessions", "undo", *argv, "--sessions", str(work.parent / "s.sqlite")])


@pytest.mark.parametrize(
    "goal",
    [
        "Rename a.txt to docs/d.txt",
        "Delete all .txt files in docs",
        "Append 'x' to docs/b.txt and then rename it to e.txt",
        "Write 'new' to new.txt",
        "Read docs/b.txt",
    ],
)
def test_what_a_run_changed_made_or_deleted_is_as_it_was(work, goal):
    before = files_of(work)
    assert run(work, goal).completed
    assert undo(work) == 0 and files_of(work) == before
    assert undo(work) == 0 and files_of(work) == before  # once


def test_what_was_changed_since_stays_and_is_named(work, capsys):
    assert run(work, "Append 'x' to docs/b.txt and then append 'x' to docs/c.txt").completed
    (work / "docs" / "b.txt").write_text("mine\n")
    assert undo(work, "last") == 1
    assert capsys.readouterr().out == "docs/c.txt: as it was\ndocs/b.txt: left as it is: it has changed since\n"
    assert (work / "docs" / "b.txt").read_text() == "mine\n" and (work / "docs" / "c.txt").read_text() == "three\n"


def test_a_run_that_breaks_can_be_undone_too(work):
    before = files_of(work)
    with Sessions(work.parent / "s.sqlite").new("Append 'x' to docs/b.txt and then append 'x' to docs/c.txt") as session:

        def breaks(event):
            if event["kind"] == "call" and event["arguments"]["path"] == "docs/c.txt":
                raise KeyError("the watcher")

        with pytest.raises(KeyError):
            Agent(workspace=work, session=session, on_event=breaks).run()
    assert files_of(work) != before
    assert undo(work) == 0 and files_of(work) == before

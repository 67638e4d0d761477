import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.rules.unsaid import open_value, parts_missing, with_value
from dspy_programs.agent.workspace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "shop.json").write_text('{"name": "Fig", "phone": "1"}\n')
    (tmp_path / "plan.md").write_text("# Plan\n")
    return Workspace(tmp_path)


@pytest.mark.parametrize(
    ("goal", "what"),
    [
        ("Set the phone in shop.json to the new number.", "the new number"),
        ("update the name in shop.json to the correct spelling", "the correct spelling"),
        ("Add my appointment to plan.md, under the others", "my appointment"),
        ("Trag bitte die neue Adresse von Herrn Kern in plan.md ein", "die neue Adresse"),
        ("Set the phone in shop.json to 030 123456", ""),
        ("Set the name in shop.json to the new name 'Figs'", ""),
        ("Add my appointment to plan.md: dentist, Monday", ""),
        ("Set the phone in shop.json to the new number. It is in plan.md", ""),
        ("Set the port in missing.json to the new number", ""),
        ("Read plan.md", ""),
        ("", ""),
        ("x" * 10_000, ""),
    ],
)
def test_what_only_the_user_knows_is_open(workspace, goal, what):
    assert open_value(goal, workspace) == what


def test_another_file_may_have_it(workspace):
    workspace.write("mail.txt", "Our new NUMBER is below")
    assert open_value("Set the phone in shop.json to the new number.", workspace) == ""


def test_the_answer_takes_its_place():
    assert with_value("to the  new number.", "the new number", r"\1 2") == r'to "\1 2".'


def test_a_run_asks_once_and_goes_on_with_the_answer(tmp_path, workspace):
    asked = []
    agent = Agent(workspace=tmp_path, ask=lambda question: asked.append(question) or "030 99")
    assert agent.run("Set the phone in shop.json to the new number.").completed
    assert len(asked) == 1 and "the new number" in asked[0]
    assert '"phone": "030 99"' in (tmp_path / "shop.json").read_text()


def test_without_an_answer_nothing_is_done(tmp_path, workspace):
    done = Agent(workspace=tmp_path).run("Set the phone in shop.json to the new number.")
    assert not done.completed and "the new number" in done.why and not done.tasks


def test_a_numbered_part_that_a_file_lacks_is_missing(workspace):
    workspace.write("book.txt", "Chapter 1: Sea\nChapter 2: Storm\n")
    assert parts_missing("Summarise chapter 7 of book.txt", workspace) == ["chapter 7 of book.txt"]
    assert parts_missing("Summarise chapter 2 of book.txt, and page 3 of plan.md", workspace) == []

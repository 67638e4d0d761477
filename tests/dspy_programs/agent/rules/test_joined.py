"""Several wishes in one goal are done one after the other, or none of them is."""

import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.rules.joined import joined
from tests.dspy_programs.agent.scopes import workspace_of

FILES = {"a.txt": "red\n", "b.txt": "blue\n", "logs/x.log": "x\n", "conf.json": '{"port": 80}', "raw.txt": "r\n"}
FILES["deep.json"] = '{"db": {"host": "h", "port": 5432}, "debug": true}'


@pytest.fixture
def workspace(tmp_path):
    return workspace_of(tmp_path, FILES)


def files_of(workspace):
    return {found.path: workspace.text(found.path) for found in workspace.walk() if found.kind == "file"}


@pytest.mark.parametrize(
    ("goal", "gone", "new"),
    [
        ("Append 'x' to a.txt and then rename it to c.txt", ["a.txt"], {"c.txt": "red\nx\n"}),
        ("Rename a.txt to c.txt, then append 'x' to it.", ["a.txt"], {"c.txt": "red\nx\n"}),
        ("Copy a.txt to c.txt and replace 'red' with 'green' in the copy", [], {"c.txt": "green\n"}),
        ("Create c.txt with 'hi', copy it to d.txt and delete c.txt", [], {"d.txt": "hi\n"}),
        ("Create a folder called new and move a.txt into it", ["a.txt"], {"new/a.txt": "red\n"}),
        ("Move a.txt into logs/ and rename it to z.txt", ["a.txt"], {"logs/z.txt": "red\n"}),
        ("Rename the folder logs to old and then delete b.txt", ["logs/x.log", "b.txt"], {"old/x.log": "x\n"}),
        ("Rename logs to old; append 'y' to old/x.log", ["logs/x.log"], {"old/x.log": "x\ny\n"}),
        ("Set port to 81 in conf.json and rename a.txt to c.txt", ["a.txt"], {"conf.json": '{"port": 81}', "c.txt": "red\n"}),
        (
            "Set db.port in deep.json to 6543 and then turn debug off in deep.json",
            [],
            {"deep.json": '{"db": {"host": "h", "port": 6543}, "debug": false}'},
        ),
        ("Append 'x' to a.txt and show it", [], {"a.txt": "red\nx\n"}),
        ("Delete a.txt, and write 'it is gone' to c.txt. Do not touch b.txt.", ["a.txt"], {"c.txt": "it is gone\n"}),
        ("Delete b.txt and rename a.txt to b.txt", ["a.txt"], {"b.txt": "red\n"}),
    ],
)
def test_wishes_are_done_one_after_the_other(workspace, goal, gone, new):
    result = Agent(workspace=workspace, policy=None, ask=lambda question: "yes").run(goal)
    assert result.completed, (result.why, result.tasks)
    assert files_of(workspace) == {path: text for path, text in FILES.items() if path not in gone} | new
    assert result.criteria and all(one.met for one in result.criteria) and result.cost.model_calls == 0


def test_what_is_shown_at_the_end_is_the_answer(workspace):
    assert Agent(workspace=workspace).run("Append 'x' to a.txt and then show me the file").answer == "red\nx\n"


def test_a_refusal_ends_the_row(workspace):
    """What comes after was meant for what is not so."""
    result = Agent(workspace=workspace, ask=lambda question: "no").run("Delete b.txt and rename a.txt to b.txt")
    assert not result.completed and files_of(workspace) == FILES


@pytest.mark.parametrize(
    "goal",
    [
        "Rename a.txt to c.txt and summarise it",
        "Append 'x' to a.txt and then rename it if it is long",
        "Append 'x' to it and rename a.txt to c.txt",
        "Rename a.txt to c.txt and append 'x' to a.txt",  # it is gone by then
        "Delete a.txt and b.txt, but not b.txt",
        "Read a.txt and delete it",  # what is shown comes last
        "Delete a.txt and rename b.txt to ../b.txt",
        "Rename a.txt to c.txt. Do not touch a.txt.",
        "Delete a.txt",
        "",
        "delete a.txt and " * 500,
    ],
)
def test_nothing_is_done_where_one_wish_is_open(workspace, goal):
    assert joined(goal, workspace) == []
    assert files_of(workspace) == FILES


def test_quoted_text_is_no_it(workspace):
    first, second = joined("Rename a.txt to c.txt and append 'move it to b' to c.txt", workspace)
    assert second.arguments["content"] == "move it to b\n" and first.tool == "move_file"

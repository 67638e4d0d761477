import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.rules.open_point import OpenPoint, open_point
from dspy_programs.agent.rules.which import choice
from dspy_programs.agent.workspace.workspace import Workspace

FILES = {
    "report_may.txt": "May\n",
    "report_june.txt": "June\n",
    "config_dev.json": '{"port": 1}\n',
    "config_prod.json": '{"port": 2}\n',
    "a/notes.txt": "a\n",
    "b/notes.txt": "b\n",
    "plan.md": "# Plan\n\nDeadline: May\n",
    "people.csv": "name,phone,city\nAnna Berg,1,Hull\nAnna Holm,2,York\nBo Lind,3,Hull\n",
    "staff.csv": "first,last,phone\nAnna,Berg,1\nAnna,Holm,2\n",
    "team.txt": "- Tom Reed, lead\n- Tom Hale, tests\n- Ada Finch\n",
    "members.csv": "id,name,city\n1,Ada Finch,Bristol\n2,Bo Lind,Bristol\n",
}


@pytest.fixture
def workspace(tmp_path):
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return Workspace(tmp_path)


@pytest.mark.parametrize(
    ("goal", "words", "options"),
    [
        ("Delete the report", "the report", ["report_june.txt", "report_may.txt"]),
        ("Please change the port in the config to 8080", "the config", ["config_dev.json", "config_prod.json"]),
        ("Rename notes.txt to old.txt", "notes.txt", ["a/notes.txt", "b/notes.txt"]),
        ("Change Anna's phone to 99 in people.csv", "Anna", ["Anna Berg", "Anna Holm"]),
        ("Set the phone of Anna in staff.csv to 99", "Anna", ["Anna Berg", "Anna Holm"]),
        ("Please remove Tom from team.txt", "Tom", ["Tom Reed", "Tom Hale"]),
    ],
)
def test_what_may_be_either_is_open(workspace, goal, words, options):
    found = choice(goal, workspace)
    assert found is not None and (found.words, [*found.options]) == (words, options)


@pytest.mark.parametrize(
    "goal",
    [
        "Delete the report of May",
        "Delete the report_may.txt",
        "Delete both reports",
        "Delete the reports",
        "Delete the report files",
        "Delete every report",
        "Merge the report files into all.txt",
        "Rename a/notes.txt to old.txt",
        "Rename notes.txt in b to old.txt",
        "Change the phone of Anna Berg to 99 in people.csv",
        "Change Anna's phone to 99 in people.csv, the one in York",
        "Change Bo's phone to 99 in people.csv",
        "Put everybody from Bristol in members.csv into bristol.csv",
        "How many people called Anna are in people.csv?",
        "Replace 'Anna' in people.csv with 'Eva'",
        "Write a poem",
        "",
    ],
)
def test_what_means_all_or_says_which_is_not(workspace, goal):
    assert choice(goal, workspace) is None


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("Change the deadline in plan.md.", "the deadline"),
        ("Please update the phone number of Bo in people.csv", "the phone number of Bo"),
        ("Update the table of contents in plan.md", ""),
        ("Change the deadline in plan.md to June", ""),
        ("Set the deadline in plan.md back by a week", ""),
    ],
)
def test_what_is_to_be_set_to_nothing_is_open(workspace, goal, words):
    found = open_point(goal, workspace)
    assert (found.words if found else "") == words and (not found or found.is_target)


@pytest.mark.parametrize(
    ("answer", "filled"),
    [
        ("report_may.txt", "Delete report_may.txt"),
        ("the one of June please", "Delete report_june.txt"),
        ("the old one", "Delete the old one"),
    ],
)
def test_an_answer_that_names_an_option_takes_the_place_of_the_words(answer, filled):
    point = OpenPoint("the report", ("report_may.txt", "report_june.txt"))
    assert point.filled("Delete the report", answer) == filled


def test_a_run_asks_which_and_changes_only_that_one(workspace):
    asked = []

    def ask(question):
        asked.append(question)
        return "yes" if question.startswith("May I") else "the one of May"

    done = Agent(workspace=workspace, ask=ask).run("Delete the report")
    assert done.completed, done.why
    assert [each for each in asked if not each.startswith("May I")] == [
        'The goal says "the report", which may be report_june.txt or report_may.txt. Which one?'
    ]
    assert [str(one.criterion) for one in done.criteria] == ["file_missing report_may.txt"]
    assert workspace.kind("report_may.txt") is None and workspace.kind("report_june.txt") == "file"


def test_where_nobody_answers_nothing_is_done(workspace):
    done = Agent(workspace=workspace).run("Delete the report")
    assert done.outcome == "failed" and "report_june.txt or report_may.txt" in done.why and not done.tasks

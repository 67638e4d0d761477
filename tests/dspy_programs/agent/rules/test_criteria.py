"""What a goal's own words ask for, as far as code can check it."""

import pytest

from dspy_programs.agent.rules.criteria import criteria_of
from dspy_programs.agent.rules.mentions import inputs_missing

FILES = ["report.txt", "config.json", "old.txt", "docs/a.md", "docs/b.md", "calc.py", "test_calc.py", "letter.txt"]

CASES = [
    ("Read report.txt and write the total to answer.txt", ["file_written answer.txt"]),
    ("Add up report.txt and put the sum in sum.txt", ["file_written sum.txt"]),
    (
        "Set the port in config.json to 8081",
        ["file_written config.json", "json_has config.json", "file_contains config.json 8081"],
    ),
    ("Delete old.txt", ["file_missing old.txt"]),
    (
        "Delete old.txt and letter.txt, but leave report.txt as it is",
        ["unchanged report.txt", "file_missing old.txt", "file_missing letter.txt"],
    ),
    ("Rename old.txt to new.txt", ["file_missing old.txt", "file_exists new.txt"]),
    ("Move old.txt into archive/", ["file_missing old.txt", "file_exists archive/old.txt"]),
    ("Copy old.txt to backup/old.txt", ["file_exists backup/old.txt"]),
    ("Create hello.txt with the text 'Hello, world'", ["file_written hello.txt", "file_contains hello.txt Hello, world"]),
    (
        "Replace 'foo' with 'bar' in letter.txt",
        ["file_written letter.txt", "file_lacks letter.txt foo", "file_contains letter.txt bar"],
    ),
    (
        "Ersetze in letter.txt 'Herr' durch 'Frau'",
        ["file_written letter.txt", "file_lacks letter.txt Herr", "file_contains letter.txt Frau"],
    ),
    ("Schreib die Summe in summe.txt, report.txt nicht ändern", ["unchanged report.txt", "file_written summe.txt"]),
    (
        "`python test_calc.py` fails. Fix calc.py, not the test.",
        ["unchanged test_calc.py", "file_written calc.py", "command_exits_0 python test_calc.py"],
    ),
    (
        "Append 'seen' to every .md file in docs/",
        ["file_written docs/a.md", "file_contains docs/a.md seen", "file_written docs/b.md", "file_contains docs/b.md seen"],
    ),
    ("Move old.txt into docs", ["file_missing old.txt", "file_exists docs/old.txt"]),
    ("Move old.txt into the folder attic", ["file_missing old.txt", "file_exists attic/old.txt"]),
    ("Delete all .md files in docs", ["file_missing docs/a.md", "file_missing docs/b.md"]),
    (
        "Add a line 'done' at the end of letter.txt and delete old.txt",
        ["file_written letter.txt", "file_contains letter.txt done", "file_missing old.txt"],
    ),
    (
        "Rename old.txt to new.txt and then replace 'foo' with 'bar' in letter.txt",
        [
            *("file_missing old.txt", "file_exists new.txt", "file_written letter.txt"),
            *("file_lacks letter.txt foo", "file_contains letter.txt bar"),
        ],
    ),
    ("Delete all .md files in docs/ that are older than a year", []),
    ("Delete old.txt if it is empty", []),
    ("Rename old.txt", []),
    ("What is the total in report.txt?", []),
    ("Who decided what, as report.txt says?", []),
    ("How much did the roof cost, according to report.txt?", []),
    ("Compare report.txt to letter.txt", []),
    ("Fill in letter.txt as report.txt says", ["file_written letter.txt"]),
    ("As docs/a.md requires, fix calc.py", ["file_written calc.py"]),
    ("Write what report.txt says about Anna to anna.txt", ["file_written anna.txt"]),
    ("Make a.txt with a poem about the sea and b.txt with one about the moon", ["file_written a.txt", "file_written b.txt"]),
    ("Tidy up and delete what nobody needs, such as old.txt", []),
    ("Save it as report.txt", ["file_written report.txt"]),
    ("Summarise report.txt", []),
    ("Tell me a joke", []),
    (
        'Write "hello" to a.txt and "world" to b.txt',
        ["file_written a.txt", "file_written b.txt", "file_contains a.txt hello", "file_contains b.txt world"],
    ),
    ('Erstelle n.txt mit dem Text "Hallo Welt"', ["file_written n.txt", "file_contains n.txt Hallo Welt"]),
    ("Rename old.txt to letter.txt", ["file_missing old.txt", "file_exists letter.txt"]),
    ("Move docs/a.md to c.md", ["file_missing docs/a.md", "file_exists c.md"]),
    (
        'Append "x" to old.txt and then rename old.txt to new.txt',
        ["file_written new.txt", "file_contains new.txt x", "file_missing old.txt", "file_exists new.txt"],
    ),
    ("Rename all .json files to .txt", ["file_missing config.json", "file_exists config.txt"]),
    ("Is there a file called setup.py?", []),
    ("Does the project have a LICENSE file?", []),
    ("Gibt es eine Datei setup.py?", []),
    ("How many lines has report.txt? Write it to n.txt", ["file_written n.txt", "file_short n.txt"]),
    ("Rename the function main to run in calc.py", ["file_written calc.py", "file_contains calc.py run"]),
    ("In calc.py, rename add to plus", ["file_written calc.py", "file_contains calc.py plus"]),
    ("Benenne die Funktion add in calc.py in plus um", ["file_written calc.py", "file_contains calc.py plus"]),
    (
        "Move the function add from calc.py to test_calc.py",
        ["file_exists calc.py", "file_written test_calc.py", "file_contains test_calc.py add"],
    ),
    (
        'Change CITY in calc.py from "Berlin" to "Hamburg"',  # another line may keep the old text
        ["file_written calc.py", "file_contains calc.py Hamburg CITY"],
    ),
    ("", []),
    ("Write to https://example.com/a.txt or ann@mail.txt about e.g. version 1.2.3", []),
]


@pytest.mark.parametrize(("goal", "expected"), CASES, ids=[goal[:40] for goal, _ in CASES])
def test_criteria_of(goal, expected):
    assert sorted(str(one) for one in criteria_of(goal, FILES)) == sorted(expected)


def test_files_that_are_wanted_and_not_there():
    assert inputs_missing("Copy the totals from q3.xlsx into totals.txt", FILES) == ["q3.xlsx"]
    assert inputs_missing("Run the script go.sh", FILES) == ["go.sh"]
    assert inputs_missing("Summarise gone.txt in summary.md", FILES) == ["gone.txt"]
    assert inputs_missing("Rename gone.txt to here.txt", FILES) == ["gone.txt"]
    assert inputs_missing("Write a list to list.txt, then count the lines of list.txt", FILES) == []
    assert inputs_missing("Read report.txt and write a summary to summary.md", FILES) == []


def test_a_huge_goal_is_read_in_a_moment():
    assert len(criteria_of("write a.txt and b.txt, don't change c.txt. " * 20_000, FILES)) < 10

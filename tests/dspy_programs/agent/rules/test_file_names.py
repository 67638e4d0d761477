"""A file may be called by its name without the ending."""

import pytest

from dspy_programs.agent.rules.file_names import with_full_names

FILES = ["README.md", "docs/README.md", "NOTES.md", "guide.md", "guide.txt", "src/main.py"]


@pytest.mark.parametrize(
    ("goal", "full"),
    [
        ("Make the README nicer", "Make the README.md nicer"),
        ("append x to the readme.", "append x to the README.md."),
        ("Sort the NOTES", "Sort the NOTES.md"),
        ("Read the file main", "Read the file src/main.py"),
        ("Read README.md", "Read README.md"),
        ("Read docs/README", "Read docs/README"),
        ("Write 'README' to a.txt", "Write 'README' to a.txt"),
        ("Read the file guide", "Read the file guide"),  # two
        ("Write a LICENSE", "Write a LICENSE"),
        ("Rename the function main", "Rename the function main"),
    ],
)
def test_with_full_names(goal, full):
    assert with_full_names(goal, FILES) == full

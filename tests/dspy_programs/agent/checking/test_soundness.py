import pytest

from dspy_programs.agent.checking.soundness import unsound


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("a.csv", "a,b\n1,2\n", ""),
        ("a.csv", "a,b\n1,2,3\n", "row 2 has 3 cells"),
        ("a.csv", "a;b\n1,5;2\n", ""),
        ("a.csv", 'a,b\n"1,5",2\n', ""),
        ("a.csv", "name\nBerg, Anna\n", ""),  # one column, and a comma in it
        ("a.csv", "", ""),
        ("a.txt", "a,b\n1,2,3\n", ""),
        ("a.json", '{"a": 1}', ""),
        ("a.json", "{'a': 1}", "cannot be read"),
        ("a.toml", "a = \n", "cannot be read"),
        ("a.py", "def f(:\n", "cannot be read"),
        ("a.py", "x = 1\n", ""),
        ("a.py", "x = '\0'", "cannot be read"),
        ("a.json", "[" * 100_000, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_right_is_named(path, text, why):
    found = unsound(path, text)
    assert (found == "") if not why else (found.startswith(f"{path}: ") and why in found)


def test_what_was_wrong_before_is_left():
    assert unsound("a.csv", "a,b\n1,2,3\n4,5\n", before="a,b\n1,2,3\n") == ""
    assert unsound("a.csv", "a,b\n1,2,3\n", before="a,b\n1,2\n") != ""

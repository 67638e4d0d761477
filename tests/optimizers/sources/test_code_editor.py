"""Cases become rows: code cut out of packages, a defect planted in it, and tests that fail before and pass after."""

import json
import tomllib
from pathlib import Path

import dspy
import pytest

from dspy_programs import Edit
from dspy_programs.edits import apply_edits, edits_between
from dspy_programs.errors import DatasetError
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES, checked
from optimizers.sources import repair_case
from optimizers.sources.code_editor import _check_apart, first_failure
from optimizers.sources.mutations import mutants
from optimizers.sources.problems import problems_of
from optimizers.sources.repair_case import checks_of, made

RECIPE = RECIPES["code_editor"]
MODULE = '''import re

LIMIT = 3


def small(n: int) -> bool:
    """Return whether it is small.

    More about it.
    """
    # one
    # two
    # three
    # four
    return n < LIMIT
'''
CASE = {
    "file": "made/sizes.py",
    "take": ["LIMIT", "small"],
    "was": "return n < LIMIT",
    "bug": "return n <= LIMIT",
    "tests": "small(3) == False\nsmall('x') raises TypeError",
}


def installed(folder):
    (folder / "made").mkdir()
    (folder / "made" / "sizes.py").write_text(MODULE)
    return folder


def test_a_function_is_cut_out_without_its_essays_and_gets_its_defect(tmp_path):
    files = made(CASE, installed(tmp_path))
    assert files.path == "sizes.py" and files.broken == files.fixed.replace("<", "<=")
    assert files.fixed == (
        "from __future__ import annotations\n\nLIMIT = 3\n\n\ndef small(n: int) -> bool:\n"
        '    """Return whether it is small."""\n    return n < LIMIT\n'
    )
    [test] = files.checks.files.values()
    assert "from sizes import small\n" in test and "self.assertIs(small(3), False)" in test
    assert "with self.assertRaises(TypeError):\n            small('x')" in test


@pytest.mark.parametrize(
    "changed",
    [{"was": "return n > LIMIT"}, {"take": ["tiny"]}, {"file": "made/none.py"}, {"tests": "small(3)"}, {"drop": ["pass"]}],
)
def test_a_case_that_does_not_fit_its_package_is_refused(tmp_path, changed):
    with pytest.raises(DatasetError):
        made(CASE | changed, installed(tmp_path))


def test_the_first_failure_is_what_a_row_says():
    checks = checks_of("a.py", "def f(n):\n    return [n]\n", "f(1) == [1]\nf(2) == [3]\nf(3) == [4]")
    [done] = checked({"a.py": "def f(n):\n    return [n]\n", **checks.files}, [checks.tests])
    assert not done.passed
    assert first_failure(done.output) == (
        "FAIL: test_2 (__main__.Test.test_2)\nTraceback (most recent call last):\n"
        '  File "test_a.py", line 11, in test_2\n    self.assertEqual(f(2), [3])\nAssertionError: Lists differ: [2] != [3]'
    )


def test_of_chained_errors_the_last_is_what_a_row_says():
    code = "def f(n):\n    try:\n        return int(n)\n    except ValueError:\n        return int(float(n))\n"
    checks = checks_of("a.py", code, "f('1e999') == 0")
    [done] = checked({"a.py": code, **checks.files}, [checks.tests])
    said = first_failure(done.output)
    assert said.startswith("ERROR: test_1") and said.endswith("OverflowError: cannot convert float infinity to integer")
    assert "invalid literal" not in said


def test_commands_run_one_after_the_other_in_one_folder_and_say_how_they_ended():
    files = {"a/b.py": "print('hello')", "c.py": "def (:"}
    good, bad, missing = checked(files, ["python a/b.py", "python -m compileall -q .", "no-such-program x"])
    assert good == (True, "hello\n") and not bad.passed and "SyntaxError" in bad.output
    assert not missing.passed and missing.output == "it cannot be started: No such file or directory"
    [escaped] = checked({"../x.py": "x = 1"}, ["python -c pass"])
    assert not escaped.passed or not Path("../x.py").exists()


@pytest.mark.parametrize(
    ("kind", "was", "becomes"),
    [
        ("comparison", "return a < b", "return a <= b"),
        ("condition", "return a and b", "return a or b"),
        ("off_by_one", "return range(a)", "return range(a - 1)"),
        ("off_by_one", "return range(0, a + 1)", "return range(0, a)"),
        ("arguments", "return f(a, b)", "return f(b, a)"),
        ("missing_call", "return a.strip()", "return a"),
        ("wrong_function", "return min(a)", "return max(a)"),
        ("index", "return a[0]", "return a[1]"),
        ("forgotten_case", "if a:\n        return b\n    return a", "return a"),
        ("state", "for a in b:\n        c += a", "for a in b:\n        c = a"),
    ],
)
def test_each_kind_of_defect_is_planted(kind, was, becomes):
    found = [*mutants(f"def g(a, b):\n    {was}\n")]
    assert (kind, f"def g(a, b):\n    {becomes}\n") in found
    assert len({text for _, text in found}) == len(found)


def test_problems_that_cannot_be_run_safely_or_say_too_little_are_left_out(tmp_path):
    kept = {
        "text": "Write a function to add two numbers.",
        "code": "import os\ndef add(a, b):\r\n  '''Doc.'''\r\n  c = a + b\r\n  return c",
        "test_list": ["assert add(1, 2) == 3"],
        "test_setup_code": "",
    }
    endless = kept | {"code": "def add(a, b):\n  while a: a -= 1\n  return b"}
    prints = kept | {"code": "def add(a, b):\n  c = a + b\n  return c\nprint(add(1, 2))"}
    told = kept | {"text": "Addition."}
    (tmp_path / "mbpp").mkdir()
    (tmp_path / "mbpp" / "mbpp.jsonl").write_text("\n".join(map(json.dumps, (kept, endless, prints, told))))
    [problem] = problems_of(tmp_path, "mbpp")
    assert problem.code == "def add(a, b):\n    c = a + b\n    return c\n" and problem.what == "add two numbers"
    assert problem.call_in("add((1), 2), 3") == "add((1), 2)" and problem.call_in("[add(1, 2)], 3") == ""


def test_splits_with_like_code_are_refused():
    row = {"id": "1", "fixed": {"a.py": "def f(a, b):\n    return a + b * 2\n"}}
    with pytest.raises(DatasetError, match="nearly the same"):
        _check_apart({"train": [row], "val": [row | {"fixed": {"b.py": row["fixed"]["a.py"] + "\n\nX = 1\n"}}], "test": []})


def rows_of(split):
    return read_split(data_directory("code_editor") / f"{split}.jsonl", RECIPE.program, RECIPE.labels)


@pytest.mark.parametrize("split", SPLITS)
def test_shipped_rows_are_small_and_their_right_code_is_reached_by_edits(split):
    rows = rows_of(split)
    assert len(rows) >= {"train": 100, "val": 30, "test": 60}[split]
    for row in rows:
        [(path, broken)] = row.code.items()
        edits = edits_between(path, broken, row.fixed[path])
        assert apply_edits(row.code, edits).code == row.fixed
        assert len(row.task) + len(broken) + len(row.feedback) < 2600, row.task  # about 700 tokens
        assert (row.feedback.startswith(("FAIL: ", "ERROR: ")) and row.licence) or row.source == "algorithm"
        [test] = row.checks.files
        assert test not in row.code and row.checks.says == "\nOK"


def test_splits_share_no_package_no_function_and_no_like_code():
    rows = {split: list(map(json.loads, (data_directory("code_editor") / f"{split}.jsonl").open())) for split in SPLITS}
    _check_apart(rows)
    packages = [{row["package"] for row in rows[split]} - {""} for split in SPLITS]
    assert not packages[0] & packages[1] and not packages[0] & packages[2] and not packages[1] & packages[2]
    cases = sorted((Path(repair_case.__file__).parent / "repair_cases").glob("*.toml"))
    assert sum(len(tomllib.loads(file.read_text())["case"]) for file in cases) == sum(
        row["source"] in ("algorithm", "package") for split in SPLITS for row in rows[split]
    )
    assert all(row["version"] for split in SPLITS for row in rows[split] if row["package"])


@pytest.mark.parametrize("split", SPLITS)
def test_a_sample_of_shipped_rows_fails_before_and_passes_after(split):
    for row in rows_of(split)[::40]:
        before, after = (checked({**code, **row.checks.files}, [row.checks.tests])[0] for code in (row.code, row.fixed))
        assert not before.passed and first_failure(before.output) == row.feedback
        assert after.passed and row.checks.says in after.output


def test_a_demonstration_is_what_the_metric_accepts():
    row = rows_of("train")[0]
    reply = RECIPE.demonstrator(row)["edit"]["reply"]
    edits = [Edit(**edit) for edit in reply["edits"]]
    assert reply["why"] and RECIPE.metric(row, dspy.Prediction(edits=edits, refused="", failure=None)).value == 1.0

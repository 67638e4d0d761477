"""Edits that fit and pass score 1; a check that fails costs its part, and what does not fit scores nothing."""

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs import Edit
from metrics.code_editor import TOO_LARGE, Checked, Checks, edits_pass, lines_changed

CODE = {"a.py": "def same(n):\n    return n + 1\n"}
FIXED = {"a.py": "def same(n):\n    return n\n"}
CHECKS = Checks(tests="python test_a.py", lint="ruff check", files={"test_a.py": "assert same(1) == 1"}, says="OK")
ROW = dspy.Example(task="same(1) is 2", code=CODE, feedback="", checks=CHECKS, fixed=FIXED)
GOOD = Edit(path="a.py", old="return n + 1", new="return n")
PASSED = Checked(True, "OK")


def scored(edits=(GOOD,), row=ROW, ended=None, **fields):
    """Return the score. ended: what each command gives, all of them pass by default."""
    seen = []

    def run(files, commands):
        seen.append((dict(files), list(commands)))
        return [(ended or {}).get(command.split()[1], PASSED) for command in commands]

    prediction = {"edits": list(edits), "why": "", "refused": "", "failure": None, **fields}
    return edits_pass(run)(row, dspy.Prediction(**prediction)), seen


def test_edits_that_pass_score_one_and_the_tests_are_put_there_after_them():
    score, seen = scored([GOOD, Edit(path="test_a.py", old="", new="pass")])
    assert score.value == 1.0 and score.feedback == "Perfect."
    files, commands = seen[0]
    assert files == {**FIXED, "test_a.py": "assert same(1) == 1"}
    assert commands == ["python test_a.py", "python -m compileall -q .", "ruff check"]


@pytest.mark.parametrize(
    ("failing", "value", "lint"),
    [
        ("test_a.py", 0.4, "ruff check"),
        ("-m", 0.75, "ruff check"),
        ("check", 0.85, "ruff check"),
        ("test_a.py", 0.25 / 0.85, ""),
    ],
)
def test_a_check_that_fails_costs_its_part_of_those_there_are(failing, value, lint):
    row = ROW.copy(checks=CHECKS.model_copy(update={"lint": lint}))
    score, _ = scored(row=row, ended={failing: Checked(False, "x" * 900 + " AssertionError: 2 != 1\n")})
    assert score.value == pytest.approx(value) and score.feedback.endswith("AssertionError: 2 != 1")
    assert "return n" not in score.feedback and len(score.feedback) < 800


def test_tests_that_end_early_do_not_pass():
    assert scored(ended={"test_a.py": Checked(True, "")})[0].components["tests"] == 0.0


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([], "there are no edits"),
        ([GOOD.model_copy(update={"old": "nowhere"})], "the edits do not fit: old is not in a.py"),
        ([GOOD.model_copy(update={"new": GOOD.old})], "the edits change nothing"),
        ([GOOD, Edit(path="unittest.py", old="", new="main = print")], "unittest.py would hide a module"),
    ],
)
def test_edits_that_do_not_fit_score_nothing_and_nothing_is_run(edits, said):
    score, seen = scored(edits)
    assert score.value == 0.0 and said in score.feedback and seen == []


def test_refused_and_unreadable_replies_score_nothing():
    score, _ = scored([], refused="old is not in a.py")
    assert score.value == 0.0 and "refused: old is not in a.py" in score.feedback
    assert scored(failure="x")[0].value == 0.0 and scored([3])[0].value == 0.0


def test_rewriting_far_more_than_needed_costs_a_tenth():
    long = {"a.py": "".join(f"x{n} = {n}\n" for n in range(40))}
    row = ROW.copy(code=long, fixed={"a.py": long["a.py"].replace("x3 = 3", "x3 = 4")})
    few = Edit(path="a.py", old="x3 = 3\n", new="x3 = 4\n")
    whole = Edit(path="a.py", old=long["a.py"], new=long["a.py"].replace("x", "y"))
    assert scored([few], row)[0].value == 1.0
    score, _ = scored([whole], row)
    assert (
        score.value == pytest.approx(TOO_LARGE)
        and score.feedback == "size 0.00: 40 lines are rewritten; change only those that must be"
    )
    assert scored([whole], row.copy(fixed={}))[0].value == 1.0


def test_lines_changed_counts_the_larger_side_and_new_files():
    assert lines_changed({"a": "1\n2\n3\n"}, {"a": "1\n4\n5\n3\n"}) == 2
    assert lines_changed({}, {"b": "1\n2\n"}) == 2 and lines_changed({"a": "1"}, {"a": "1"}) == 0


ANYTHING = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.lists(st.text(max_size=5), max_size=3))


@settings(max_examples=50, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_malformed_predictions_and_rows_score_between_0_and_1(edits, refused, code):
    for row in (ROW, ROW.copy(code=code), dspy.Example(checks=code), dspy.Example()):
        for said in (edits, [GOOD]):
            prediction = dspy.Prediction(edits=said, refused=refused)
            assert 0 <= edits_pass(lambda files, commands: [PASSED] * len(commands))(row, prediction).value <= 1

"""A row is solved if its tests pass; whether its code is right, how often they ran and what a model used is counted beside."""

import json

import dspy
import pytest

from dspy_programs import CodeEditor
from dspy_programs.errors import UsageError
from metrics.code_editor import Checked, Checks, edits_pass
from optimizers.recipes import Recipe
from tests.code_repairs.figures import table
from tests.code_repairs.repairs import measured, read, repaired
from tests.fakes import scripted_lm

WRONG = "def total(prices):\n    result = 0\n    for price in prices:\n        result = price\n    return result\n"
RIGHT = WRONG.replace("result = price", "result += price")


def run(files, commands):
    """Do what the tests of the row do, in place of the sandbox."""
    names = {}
    exec(files["shop.py"], names)
    try:
        passed = names["total"]([1, 2]) == 3
    except Exception:  # a repair may break it
        passed = False
    return [Checked(passed, "\nOK")] * len(commands)


SCORED = Recipe(program=CodeEditor, metric=edits_pass(run))


def row(id_="test-1", says="\nOK"):
    checks = Checks(tests="python test_shop.py", files={"test_shop.py": ""}, says=says)
    given = {"task": "total([1, 2]) is 2", "code": {"shop.py": WRONG}, "feedback": "FAIL: test_1"}
    return dspy.Example(id=id_, **given, checks=checks, fixed={"shop.py": RIGHT}, kind="state", source="algorithm")


def replying(old, new):
    edit = {"path": "shop.py", "old": old, "new": new}
    return scripted_lm(lambda prompt: json.dumps({"reply": {"why": "", "edits": [edit]}}))


def test_rules_alone_run_no_tests_and_repairs_count_how_often_they_do():
    rules = repaired(row(), "rules", CodeEditor(), None, SCORED, run)
    assert (rules.edited, rules.solved, rules.score, rules.tries) == (False, False, 0.0, 0)
    tried = repaired(row(), "repairs", CodeEditor(), None, SCORED, run)
    assert (tried.solved, tried.is_right_code, tried.score) == (True, True, 1.0) and tried.tries > 1
    assert tried.model_calls == tried.tokens == 0 and tried.lm == ""


def test_tests_that_end_without_saying_so_do_not_pass():
    silent = repaired(row(says="9 tests"), "repairs", CodeEditor(), None, SCORED, run)
    assert not silent.solved and not silent.edited and silent.tries > 1


@pytest.mark.parametrize(
    ("old", "new", "solved", "is_right_code"),
    [
        ("        result = price\n", "        result +=  price  # sum\n", True, True),  # the same tree
        ("    return result\n", "    return sum(prices)\n", True, False),  # passes, and is not what stands in the row
        ("    return result\n", "    return 0\n", False, False),
        ("nowhere\n", "return 0\n", False, False),
    ],
)
def test_passing_and_being_the_right_code_are_two_things(old, new, solved, is_right_code):
    done = repaired(row(), "uncompiled", CodeEditor(), replying(old, new), SCORED, run)
    assert (done.solved, done.is_right_code, done.tries) == (solved, is_right_code, 0)
    assert done.model_calls >= 1 and bool(done.why) == (old == "nowhere\n")


def test_a_program_that_ran_repairs_before_runs_none_in_another_way():
    editor = CodeEditor()
    repaired(row(), "repairs", editor, None, SCORED, run)
    assert repaired(row(), "rules", editor, None, SCORED, run).tries == 0


def test_a_measurement_goes_on_where_it_was_for_each_way_and_model(tmp_path):
    out, done = tmp_path / "r.jsonl", []

    def repair(each, way="rules", lm=""):
        done.append((way, lm, each.id))
        return repaired(each, way, CodeEditor(), None, SCORED, run)._replace(lm=lm)

    rows = [row("test-1"), row("test-2")]
    first = list(measured(rows[:1], "rules", "", out, repair))
    assert list(measured(rows, "rules", "", out, repair))[:1] == first
    list(measured(rows[:1], "compiled", "a", out, lambda each: repair(each, "compiled", "a")))
    list(measured(rows[:1], "compiled", "b", out, lambda each: repair(each, "compiled", "b")))
    assert done == [("rules", "", "test-1"), ("rules", "", "test-2"), ("compiled", "a", "test-1"), ("compiled", "b", "test-1")]
    assert len(read(out)) == 4


@pytest.mark.parametrize("line", ["{", "[]", '{"way": "rules"}'])
def test_a_file_of_something_else_is_not_added_to(tmp_path, line):
    (tmp_path / "r.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError, match=r"r\.jsonl:1: not a result"):
        list(measured([row()], "rules", "", tmp_path / "r.jsonl", lambda each: pytest.fail("done")))


def test_the_table_counts_solved_rows_apart_from_right_code_and_tells_tries():
    done = repaired(row(), "repairs", CodeEditor(), None, SCORED, run)
    found = [
        done._replace(tries=2, seconds=30, tokens=100),
        done._replace(tries=8, seconds=30, is_right_code=False, source="package"),
        done._replace(tries=60, seconds=60, solved=False, edited=False, is_right_code=False, score=0.0),
    ]
    lines = list(table(found, "source"))
    assert lines[1].split()[:4] == ["all", "2", "2/3", "0.67"] and "1   0.33" in lines[1] and "0.667 [0" in lines[1]
    assert [line.split()[0] for line in lines[2:4]] == ["algorithm", "package"]
    assert lines[4] == "tries where the tests then pass: median 5, 0 within 1, 1 within 3, 2 within 10, 2 within 60"
    assert lines[5] == "a row: 0.67 minutes, 23.3 runs of its tests, 0.0 model calls, 33 tokens"

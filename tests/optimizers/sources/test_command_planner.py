"""Lines become rows; repositories and kinds of wording are in one split only; right commands are not dangerous."""

import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.text import approximate_tokens
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from optimizers.sources.command_planner import _check_apart, _rows, build

RECIPE = RECIPES["command_planner"]
ROWS = {
    split: read_split(data_directory("command_planner") / f"{split}.jsonl", RECIPE.program, RECIPE.labels) for split in SPLITS
}


def test_a_line_becomes_a_row():
    [row] = _rows("files: tox.ini", "test :: terse :: run it :: tests, all :: tox|pytest, ruff check")
    assert (row["task"], row["context"], row["topic"], row["wording"]) == ("run it", "files: tox.ini", "test", "terse")
    assert row["plan_keywords"] == ["tests", "all"] and row["commands_keywords"] == ["tox|pytest", "ruff check"]


@pytest.mark.parametrize(
    ("line", "said"),
    [("test :: terse :: run it :: tests", "has not five parts"), ("a :: b :: c :: d :: rm -rf x|y", "is dangerous")],
)
def test_a_line_that_is_not_what_it_should_be_is_refused(line, said):
    with pytest.raises(DatasetError, match=said):
        [*_rows("", line)]


def test_alike_tasks_of_two_splits_are_refused():
    with pytest.raises(DatasetError, match="too alike"):
        _check_apart(
            {"train": [{"task": "squash the last three commits"}], "test": [{"task": "please squash my three last commits"}]}
        )


def test_shipped_rows_are_those_of_the_lines(tmp_path):
    assert {split: [row["task"] for row in rows] for split, rows in build(tmp_path).items()} == {
        split: [row.task for row in ROWS[split]] for split in SPLITS
    }


def test_splits_share_no_repository_and_no_kind_of_wording():
    for field in ("context", "wording"):
        held = [{row[field] for row in ROWS[split]} for split in SPLITS]
        assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]


@pytest.mark.parametrize(("split", "least"), [("train", 120), ("val", 30), ("test", 60)])
def test_rows_are_many_and_short(split, least):
    assert len(ROWS[split]) >= least
    assert max(approximate_tokens(row.task + row.context) for row in ROWS[split]) < 500

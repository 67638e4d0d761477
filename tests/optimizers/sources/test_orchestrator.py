"""Lines become rows; workspaces and kinds of wording are in one split only; a row fits a small model's prompt."""

import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.text import approximate_tokens
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from optimizers.sources.orchestrator import _call, _check_apart, _rows

RECIPE = RECIPES["orchestrator"]
ROWS = {split: read_split(data_directory("orchestrator") / f"{split}.jsonl", RECIPE.program, RECIPE.labels) for split in SPLITS}


def test_a_line_becomes_a_row(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.py").write_text("")
    [row] = _rows(tmp_path, "made", "", "terse :: TODOs in a.py :: grep pattern=TODO;todo ?path=made/a.py / search :: TODO")
    assert row["workspace"] == "made/a.py" and row["topic"] == "grep" and row["targets"] == ["TODO"]
    assert row["calls"][0] == {"tool": "grep", "accepted": {"pattern": ["TODO", "todo"], "path": ["made/a.py", ""]}}
    assert row["calls"][1] == {"tool": "search", "accepted": {"question": ["TODOs in a.py"]}}


@pytest.mark.parametrize("told", ["frob", "grep depth=2", "tree path=a symbol=b"])
def test_a_call_of_no_tool_is_refused(told):
    with pytest.raises(DatasetError, match="no such call"):
        _call(told, "x")


def test_a_package_that_is_not_there_and_a_short_line_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="is not installed"):
        [*_rows(tmp_path, "made", "", "")]
    with pytest.raises(DatasetError, match="has not four parts"):
        [*_rows(tmp_path, "made", "a.py", "terse :: x :: grep pattern=x")]


def test_alike_queries_of_two_splits_are_refused():
    rows = {
        "train": [{"query": "rebuild the search index now"}],
        "test": [{"query": "please rebuild the search index"}],
    }
    with pytest.raises(DatasetError, match="too alike"):
        _check_apart(rows)


def test_splits_share_no_workspace_and_no_kind_of_wording():
    for field in ("workspace", "wording"):
        held = [{row[field] for row in ROWS[split]} for split in SPLITS]
        assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]


@pytest.mark.parametrize(("split", "least"), [("train", 120), ("val", 30), ("test", 60)])
def test_every_split_has_every_tool_and_short_rows(split, least):
    rows = ROWS[split]
    tools = {row.topic for row in rows}
    assert len(rows) >= least and len(tools) >= 14 and {"none", "search", "patch"} <= tools
    assert max(approximate_tokens(row.query + row.workspace) for row in rows) < 500
    assert not [fault for row in rows for fault in RECIPE.faults(row)]

"""Packages and templates become rows: in one split only, with a licence, and with rewrites that do what the code does."""

import json
from importlib.metadata import version

import pytest

pytest.importorskip("libcst", reason="the lint extra")

from dspy_programs.errors import DatasetError
from dspy_programs.lint_loops import BY_NAME, PATTERNS
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES, results_of
from optimizers.sources.loop_explainer import _found
from optimizers.sources.loop_templates import TEMPLATES

RECIPE = RECIPES["loop_explainer"]
LOOP = "def f(rows, names: list[str]):\n    total = 0\n    for row in rows:\n        if row.name in names:\n"
LOOP += "            total += 1\n    return total\n"


def installed(folder, licence="License-Expression: MIT"):
    (folder / "made").mkdir()
    (folder / "made" / "a.py").write_text(LOOP)
    (folder / "made" / "b.py").write_text(
        LOOP.replace("total += 1", "\n".join(["total += 1"] + ["            total -= 1"] * 30))
    )
    (folder / "made-1.5.dist-info").mkdir()
    (folder / "made-1.5.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: made\nVersion: 1.5\n{licence}\n")
    return folder


def test_a_finding_becomes_a_row_that_names_its_package(tmp_path):
    [row] = _found(installed(tmp_path), {"made": "made"})  # the loop of the other file is too long
    assert (row["package"], row["version"], row["licence"], row["harness"]) == ("made", "1.5", "MIT", None)
    assert row["variables"] == ["names", "rows"] and row["cost"] == "O(n*m)" and row["keeps"] == ["total"]
    assert "known = set(names)" in row["rewrite"] and row["code"].startswith("total = 0\nfor row in rows:")


@pytest.mark.parametrize(("licence", "name"), [("Summary: none", "made"), ("License-Expression: MIT", "other")])
def test_a_package_without_a_licence_or_not_there_is_refused(tmp_path, licence, name):
    with pytest.raises(DatasetError, match=name):
        [*_found(installed(tmp_path, licence), {"made": name})]


def test_every_pattern_has_templates_and_test_has_them_all():
    assert {each.pattern for each in TEMPLATES if each.split == "train"} == {pattern.name for pattern in PATTERNS}
    assert {each.pattern for each in TEMPLATES if each.split == "test"} == {pattern.name for pattern in PATTERNS}
    assert len({each.code for each in TEMPLATES}) == len(TEMPLATES)


@pytest.mark.parametrize("split", SPLITS)
def test_shipped_rows(split):
    rows = read_split(data_directory("loop_explainer") / f"{split}.jsonl", RECIPE.program, RECIPE.labels)
    assert all(row.pattern in BY_NAME and row.cost.startswith("O(") for row in rows)
    assert all(row.licence and row.version for row in rows if row.source == "package")
    assert {row.source for row in rows} == {"package", "template"}


def test_splits_share_no_package_and_no_code():
    rows = {split: list(map(json.loads, (data_directory("loop_explainer") / f"{split}.jsonl").open())) for split in SPLITS}
    for field in ("package", "code"):
        held = [{row[field] for row in rows[split] if row[field]} for split in SPLITS]
        assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]
    assert all(version(row["package"]) for row in rows["test"] if row["package"])


def test_a_shipped_rewrite_still_does_in_the_sandbox_what_is_expected():
    rows = read_split(data_directory("loop_explainer") / "test.jsonl", RECIPE.program, RECIPE.labels)
    row = next(row for row in rows if row.harness is not None and row.pattern == "IOInLoop")
    assert results_of(row.rewrite, row.harness) == row.harness.expected
    assert results_of("while True: pass", row.harness.model_copy(update={"inputs": []})) == []
    assert results_of("raise SystemExit(3)", row.harness) is None
    assert results_of("total = open('/etc/hostname').write('x')", row.harness)[0] != row.harness.expected[0]

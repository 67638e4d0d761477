"""Definitions of packages become rows: without docstrings, in one split only, with keywords that the code has too."""

import json

import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.programs.code_summarizer import foreign_names
from dspy_programs.text import jaccard, ngrams
from metrics.code_summarizer import stems_in
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from optimizers.sources.code_summarizer import build

RECIPE = RECIPES["code_summarizer"]
GOOD = '''
def merged_settings(first, second):
    """Return the settings of both ``first`` and second, merged by their keys.

    More of it.
    """
    found = dict(first)
    for key, value in second.items():
        found.setdefault(key, value)
    return found
'''
BAD = (
    '\ndef a(x):\n    """Too short."""\n    x += 1\n    x += 2\n    x += 3\n    return x\n',
    '\ndef alike(b, c):\n    """Return words that stand nowhere below."""\n    b += 1\n    b += 2\n    b += 3\n    return b\n',
    "\ndef plain(b):\n    b += 1\n    b += 2\n    b += 3\n    return b\n",
)


def installed(folder, licence="License-Expression: MIT"):
    (folder / "made").mkdir()
    (folder / "made" / "a.py").write_text(GOOD + "".join(BAD) + GOOD.replace("merged_settings", "merged_settings_again"))
    (folder / "made-1.5.dist-info").mkdir()
    (folder / "made-1.5.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: made\nVersion: 1.5\n{licence}\n")
    return folder


def built(folder, name="made"):
    return build(folder, {"train": {"made": name}, "val": {}, "test": {}})["train"]


def test_only_a_definition_that_its_docstring_tells_about_becomes_a_row_and_a_copy_does_not(tmp_path):
    [row] = built(installed(tmp_path))
    assert (row["package"], row["version"], row["licence"]) == ("made", "1.5", "MIT")
    assert '"""' not in row["code"] and "More of it" not in row["code"] and row["code"].startswith("def merged_settings")
    assert row["ask"] == "What does it take and return?" and row["keywords"][:2] == ["first", "second"]


@pytest.mark.parametrize(("licence", "name"), [("Summary: none", "made"), ("License-Expression: MIT", "other")])
def test_a_package_without_a_licence_or_not_there_is_refused(tmp_path, licence, name):
    with pytest.raises(DatasetError, match=name):
        built(installed(tmp_path, licence), name)


@pytest.mark.parametrize("split", SPLITS)
def test_shipped_rows(split):
    rows = read_split(data_directory("code_summarizer") / f"{split}.jsonl", RECIPE.program, RECIPE.labels)
    for row in rows:
        assert row.licence and row.keywords and not foreign_names(row.reference, row.code), row.id
        if not row.ask:
            assert all(stems_in(keyword) <= stems_in(row.code) & stems_in(row.reference) for keyword in row.keywords), row.id


def test_splits_share_no_package_and_no_code():
    rows = {split: [*map(json.loads, (data_directory("code_summarizer") / f"{split}.jsonl").open())] for split in SPLITS}
    packages = [{row["package"] for row in rows[split]} for split in SPLITS]
    assert not packages[0] & packages[1] and not packages[0] & packages[2] and not packages[1] & packages[2]
    train = [ngrams(row["code"], 4) for row in rows["train"]]
    assert all(jaccard(ngrams(row["code"], 4), other) < 0.5 for row in rows["test"] for other in train)

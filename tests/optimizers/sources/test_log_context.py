"""Runs and incidents become rows: in one split only, with answers that say every keyword and lines that are the log's."""

import json
import sys

import pytest

from dspy_programs.errors import DatasetError
from metrics.log_context import holds
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from optimizers.sources.log_context import build
from optimizers.sources.log_formats import FORMS
from optimizers.sources.log_incidents import INCIDENTS
from optimizers.sources.log_runs import HOME, Run, log_of, read_runs

RECIPE = RECIPES["log_context"]
BREAKS = Run("train", "Python", "Why?", "It *divides* by *zero*.", ("division by zero",), "print(1 / 0)\n")


def test_a_run_is_its_own_log_without_this_machines_paths(tmp_path):
    log = log_of(BREAKS, tmp_path)
    assert f'File "{HOME}/main.py", line 1' in log and log.endswith("ZeroDivisionError: division by zero")
    assert sys.prefix not in log and str(tmp_path) not in log


def test_a_run_sees_no_settings_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "secret")
    run = BREAKS._replace(script="import os\nprint(sorted(os.environ))\n")
    assert "SHOP_TOKEN" not in log_of(run, tmp_path)


def test_a_row_has_its_keywords_and_its_evidence(tmp_path):
    rows = build(tmp_path, [BREAKS])["train"]
    row = next(row for row in rows if row["kind"] == "run")
    assert row["context_keywords"] == ["divides", "zero"] and row["evidence"] == ["ZeroDivisionError: division by zero"]
    assert row["answer"] == "It divides by zero."


@pytest.mark.parametrize(
    "run",
    [
        BREAKS._replace(proofs=("KeyError",)),
        BREAKS._replace(says="It is *a*b*c*."),
        BREAKS._replace(needs=("no-such-program",)),
    ],
)
def test_a_run_that_gives_something_else_is_refused(tmp_path, run):
    with pytest.raises(DatasetError, match="Python"):
        build(tmp_path, [run])


def test_splits_share_no_source_incident_or_form():
    runs = read_runs()
    assert len(runs) == 53
    assert not {run.source for run in runs if run.split == "test"} & {run.source for run in runs if run.split != "test"}
    assert len({incident.says for incident in INCIDENTS}) == len(INCIDENTS)
    assert not {*FORMS["train"]} & {*FORMS["test"]} and not {*FORMS["val"]} & {*FORMS["test"]}


@pytest.mark.parametrize("split", SPLITS)
def test_shipped_rows(split):
    rows = read_split(data_directory("log_context") / f"{split}.jsonl", RECIPE.program, RECIPE.labels)
    for row in rows:
        assert all(holds(row.answer, keyword) for keyword in row.context_keywords), row.id
        assert all(any(proof in line for line in row.evidence) for proof in row.key_points_keywords), row.id
        assert all(line in row.logs for line in row.evidence) and len(row.logs) <= 2_600, row.id
    assert any(not row.context_keywords for row in rows)


def test_no_log_is_in_two_rows():
    logs = [json.loads(line)["logs"] for split in SPLITS for line in (data_directory("log_context") / f"{split}.jsonl").open()]
    assert len(set(logs)) == len(logs)

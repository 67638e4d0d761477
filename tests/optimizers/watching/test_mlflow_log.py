"""A training run in MLflow: one run per folder, with its scores and files, and nothing that should stay here."""

import json
import sys

import pytest

from optimizers.show import main
from optimizers.watching import log_to_mlflow

mlflow = pytest.importorskip("mlflow")


def candidate(index, score):
    return {"index": index, "metric_calls": 3 * index, "score": score}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    folder = tmp_path / "it's a run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"seed": 0, "versions": {"dspy": "3"}, "starts": "x" * 10_000}))
    (folder / "candidates.json").write_text(json.dumps([candidate(0, 0.5), candidate(1, 0.25)]))
    (folder / "progress.json").write_text(json.dumps({"used": {"minutes": 2.5, "tokens": 100, "usd": 0}}))
    (folder / "calls.jsonl").write_text("a reply")
    return folder


def test_a_run_is_logged_once_with_what_is_new_each_time(run, tmp_path, capsys):
    id_ = log_to_mlflow(run)
    client = mlflow.MlflowClient()
    assert client.get_run(id_).info.status == "RUNNING" and client.get_run(id_).data.metrics["used/minutes"] == 2.5
    (run / "candidates.json").write_text(json.dumps([candidate(0, 0.5), candidate(1, 0.75), candidate(2, 0.875)]))
    (run / "report.json").write_text(json.dumps({"test": {"seed": {"mean": 0.5, "low": 0.4, "high": 0.6}}, "used": {}}))
    assert main([str(run), "--mlflow"]) == 0
    out, err = capsys.readouterr()
    assert out == f"MLflow run {id_} in sqlite:///{tmp_path}/mlflow.db\n"
    assert err.splitlines()[-1] == f"to look at it: mlflow ui --backend-store-uri sqlite:///{tmp_path}/mlflow.db"
    logged = client.get_run(id_)
    assert logged.info.status == "FINISHED" and logged.data.metrics["test/seed low"] == 0.4
    points = [(each.step, each.value) for each in client.get_metric_history(id_, "validation")]
    assert sorted(points) == [(0, 0.5), (1, 0.25), (1, 0.75), (2, 0.875)]
    assert logged.data.params["seed"] == "0" and len(logged.data.params["starts"]) == 500
    assert {each.path for each in client.list_artifacts(id_)} == {"candidates.json", "report.json"}


def test_a_server_that_does_not_answer_is_one_line_without_its_password(run, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main([str(run), "--mlflow"]) == 2
    told = capsys.readouterr().err
    assert told == ("error: MLflow at http://127.0.0.1:9: does not answer; start it, or name another in MLFLOW_TRACKING_URI\n")


def test_a_folder_without_a_run_and_a_missing_package_are_said(run, tmp_path, monkeypatch, capsys):
    assert main([str(tmp_path), "--mlflow"]) == 2
    assert "not the folder of a training run" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert main([str(run), "--mlflow"]) == 2
    assert 'pip install "dspy-programs[mlflow]"' in capsys.readouterr().err

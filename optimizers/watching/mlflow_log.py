"""A training run in MLflow: its settings, candidates, test scores, costs and files, read from nothing but its folder.

Input      the folder of `optimizers.train`, at work or finished; the address of an MLflow server or database.
Output     one MLflow run per folder, in the experiment `dspy-programs`. Logged again, it gets what is new.
           Metrics: `validation` and `metric_calls`, a step per candidate; `test/...` means and bounds; `used/...`.
Guarantees calls.jsonl and log.txt, with all rows and replies, stay in the folder; what is sent has the rows that are shown as
           demonstrations.
Raises     UsageError for another folder, or an MLflow that does not answer; MissingExtra without mlflow.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dspy_programs.errors import MissingExtra, UsageError
from dspy_programs.lm.weights import without_credentials
from optimizers.training import CANDIDATES, PROGRESS, REPORT

_EXPERIMENT = "dspy-programs"
_KEY = "dspy_programs.folder"  # a digest of its path
_SETTINGS = "run.json"
_SENT = ("compiled.json", "compiled.md", CANDIDATES, REPORT)
_LONGEST = 500  # characters of a setting


def mlflow_address() -> str:
    """Return where runs are logged if nothing else is said: MLFLOW_TRACKING_URI, else a file in this folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"


def log_to_mlflow(folder: Path, address: str | None = None) -> str:
    """Write a run into MLflow and return its id there. address: by default mlflow_address()."""
    settings, candidates = _read(folder / _SETTINGS), _read(folder / CANDIDATES)
    if not settings or not candidates:
        raise UsageError(f"{folder}: not the folder of a training run, or nothing to log yet; name one, such as runs/planner")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # by default a dead server is asked for minutes
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise MissingExtra('MLflow needs an extra: pip install "dspy-programs[mlflow]"') from None
    address = address or mlflow_address()
    try:
        client = MlflowClient(address)
        id_ = _run_of(client, folder)
        for name, text in _params(settings):
            client.log_param(id_, name, text)
        known = {each.step: each.value for each in client.get_metric_history(id_, "validation")}
        for candidate in candidates:
            step, score = candidate["index"], candidate["score"]
            if step not in known:
                client.log_metric(id_, "metric_calls", candidate["metric_calls"], step=step)
            if known.get(step) != score:  # more rows change a score
                client.log_metric(id_, "validation", score, step=step)
        report, progress = _read(folder / REPORT), _read(folder / PROGRESS)
        for name, value in _figures(report, progress):
            client.log_metric(id_, name, value)
        for name in _SENT:
            if (folder / name).is_file():
                client.log_artifact(id_, str(folder / name))
        client.set_terminated(id_, "FINISHED" if report else "RUNNING")
    except (MlflowException, OSError) as error:
        unreachable = " failed with exception " in str(error)
        why = "does not answer; start it, or name another in MLFLOW_TRACKING_URI" if unreachable else without_credentials(error)
        raise UsageError(f"MLflow at {without_credentials(address)}: {why}") from None
    return id_


def _run_of(client: Any, folder: Path) -> str:
    """Return the id of this folder's run, a new one if there is none."""
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    experiment = client.get_experiment_by_name(_EXPERIMENT)
    id_ = experiment.experiment_id if experiment else client.create_experiment(_EXPERIMENT)
    known = client.search_runs([id_], f"tags.`{_KEY}` = '{key}'", max_results=1)
    name = "/".join(folder.resolve().parts[-2:])
    return str((known[0] if known else client.create_run(id_, tags={_KEY: key}, run_name=name)).info.run_id)


def _params(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        yield name, text[:_LONGEST]


def _figures(report: Mapping[str, Any], progress: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, interval in report.get("test", {}).items():
        for bound in ("mean", "low", "high"):
            yield f"test/{name} {bound}", interval[bound]
    used = report.get("used") or progress.get("used", {})
    for name in ("minutes", "tokens", "usd", "lm_calls"):
        if name in used:
            yield f"used/{name}", used[name]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UsageError(f"{path}: not what a run writes: {error}") from None

"""No test leaves the machine, writes to the user's own directories or inherits their model settings."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under nohup; the commands that tests interrupt would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


KEPT = ("DSPY_PROGRAMS_CACHE", "DSPY_PROGRAMS_PROMPTS")
_PROMPTS = tempfile.TemporaryDirectory(prefix="prompts-")  # of the whole process: a model is loaded once, with its folder
os.environ["DSPY_PROGRAMS_PROMPTS"] = _PROMPTS.name


@pytest.fixture(autouse=True)
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DSPY_PROGRAMS_") and name not in KEPT]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(tmp_path / "compiled"))
    monkeypatch.setenv("DSPY_PROGRAMS_ANSWERS", str(tmp_path / "answers.sqlite"))
    monkeypatch.setenv("DSPY_PROGRAMS_CODE", str(tmp_path / "code-indexes"))
    monkeypatch.setenv("DSPY_PROGRAMS_DOCUMENTS", str(tmp_path / "documents.sqlite"))
    monkeypatch.setenv("DSPY_PROGRAMS_SESSIONS", str(tmp_path / "sessions.sqlite"))
    monkeypatch.setenv("DSPY_CACHEDIR", str(tmp_path / "dspy-cache"))
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("DSPY_PROGRAMS_SHARE", "0")  # with processes that are none of the test's


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several workers a core of its own: two models that share cores wait for each other at every step."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that are given more time than others: left to the end, they would run alone."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)

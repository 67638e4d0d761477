"""No test leaves the machine, writes to the user's own directories or inherits their model settings."""

import gc
import itertools
import os
import re
import signal
import tempfile
from pathlib import Path

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under nohup; the commands that tests interrupt would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


KEPT = ("DSPY_PROGRAMS_CACHE", "DSPY_PROGRAMS_PROMPTS")
_PROMPTS = tempfile.TemporaryDirectory(prefix="prompts-")  # of the whole process: a model is loaded once, with its folder
os.environ["DSPY_PROGRAMS_PROMPTS"] = _PROMPTS.name
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each worker and each command would compile the project again
_NUMBERS = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder. To find a free name, pytest's own fixture reads the names of all earlier ones: 4 ms a test."""
    path = tmp_path_factory.getbasetemp() / f"{re.sub(r'[^a-z_]', '_', request.node.name)[:30]}{next(_NUMBERS)}"
    path.mkdir(mode=0o700)
    return path


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


def pytest_collectstart() -> None:
    """Look for no garbage while tests are collected: it took a third of that time, and nearly all stays to the end."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what was collected out of the rounds of the garbage collector, and have fewer of them."""
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()

"""Commands in processes of their own, forked from one that has imported dspy: a start takes hundredths of a second.

A process that begins with nothing imports dspy first, and that takes seconds. The one that is forked here has done only
that, so nothing of a test is in its memory; a test's environment and folder are handed to each process.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPORTED = [
    "pytest",
    "dspy_programs.agent.agent",
    "optimizers.training",
    "optimizers.training.summary",
    "dspy_programs.failures.classifier",
]
OUT, ERR = "stdout.txt", "stderr.txt"


@cache
def forks() -> ForkServerContext:
    """Return what starts processes by forks, of the code beside these tests, whichever is installed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    path = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}".rstrip(os.pathsep)
    try:
        forkserver.ensure_running()
    finally:
        os.environ["PYTHONPATH"] = path
        if not path:
            del os.environ["PYTHONPATH"]
    return context


class Started:
    """`main(argv)` at work in `folder`; it is asked and ended as a subprocess.Popen is, and prints into files there."""

    def __init__(self, main: Callable[[Sequence[str]], int], argv: Sequence[str], folder: Path, **environment: str) -> None:
        self.folder = folder
        for name in (OUT, ERR):
            (folder / name).write_bytes(b"")
        self.process = forks().Process(target=work, args=(main, argv, folder, {**os.environ, **environment}), daemon=True)
        self.process.start()

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def poll(self) -> int | None:
        return self.process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.process.kill()

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for its end; return what it printed to standard output and to standard error."""
        self.process.join(timeout)
        assert self.returncode is not None, f"still at work after {timeout} seconds"
        return (self.folder / OUT).read_text(encoding="utf-8"), (self.folder / ERR).read_text(encoding="utf-8")


def work(main: Callable[[Sequence[str]], int], argv: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, name in ((1, OUT), (2, ERR)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.exit(main(argv))

"""Run a command that tests a folder's code, in the sandbox, under limits.

Guarantees it sees the folder and no home, network or key (agent/workspace/sandbox.py); after `seconds` it and all that it has
           started are stopped. Its output is data: cut to its two ends, without secrets.
Raises     UsageError if there is no sandbox here.
"""

import shutil
import threading
from dataclasses import dataclass, field
from typing import NamedTuple

from dspy_programs.agent import Workspace
from dspy_programs.agent.workspace import sandbox
from dspy_programs.errors import UsageError
from dspy_programs.secret_values import without_secrets

SECONDS = 180.0
_HEAD, _TAIL = 1_000, 5_000  # characters of its output that are kept
_WHY = {"time": "it took too long", "output": "it printed too much", "memory": "it used too much memory"}


class Tested(NamedTuple):
    """How a test command ended. output: both streams; stopped: the limit that it reached, or "" """

    passed: bool
    exit_code: int
    output: str
    stopped: str
    seconds: float


@dataclass
class _Scope:
    workspace: Workspace
    seconds: float
    cancelled: threading.Event = field(default_factory=threading.Event)


def require_sandbox() -> None:
    """Raise UsageError where code that a model has just written could do harm."""
    if not sandbox.works():
        raise UsageError(f"{sandbox.reason()}; without one the tests are yours to run: leave out --test-cmd")


def tested(command: str, workspace: Workspace, seconds: float = SECONDS) -> Tested:
    """Run a shell command in a folder."""
    require_sandbox()
    shell = shutil.which("bash", path="/bin:/usr/bin:/usr/local/bin") or "/bin/sh"
    done = sandbox.run([shell, "-c", command], _Scope(workspace, seconds))
    passed = done.exit_code == 0 and not done.stopped
    return Tested(passed, done.exit_code, _kept(done.output), _WHY.get(done.stopped, done.stopped), round(done.seconds, 2))


def _kept(output: str) -> str:
    """Return the two ends of an output: of a test's the last lines say most."""
    text = without_secrets(output).rstrip()
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n[cut: the middle is left out]\n{text[-_TAIL:]}"

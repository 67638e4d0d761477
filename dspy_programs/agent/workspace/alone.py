"""Run a command in a folder of its own that is gone afterwards, under the limits of sandbox.py."""

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.supervise import Finished
from dspy_programs.agent.workspace.workspace import Workspace


@dataclass
class _Alone:
    workspace: Workspace
    seconds: float
    cancelled: threading.Event = field(default_factory=threading.Event)


def run_alone(argv: Sequence[str], stdin: str = "", seconds: float = 10.0) -> Finished:
    """Run a command in an empty workspace. Raises ToolError if it cannot be started."""
    with tempfile.TemporaryDirectory(prefix="alone-") as folder:
        return sandbox.run(argv, _Alone(Workspace(folder), seconds), stdin=stdin)

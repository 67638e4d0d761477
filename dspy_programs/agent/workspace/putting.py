"""Put a file into a workspace as a patch or an edit wants it: its content, and whether it can be run.

Raises     ToolError for what cannot be written.
"""

import os
import stat

from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.diffs import File


def file_at(workspace: Workspace, path: str) -> File | None:
    """Return a file; None where there is none, or something else."""
    if workspace.kind(path) != "file":
        return None
    return File(workspace.read(path), bool(mode_of(workspace, path) & stat.S_IXUSR))


def put_file(workspace: Workspace, path: str, file: File | None) -> None:
    """Make a file, replace it, or delete it."""
    before = file_at(workspace, path)
    if file is None:
        if before is not None:
            workspace.remove(path)
        return
    if before is None or before.content != file.content:
        workspace.write(path, file.content)
    if file.executable != (before is not None and before.executable):
        mode = mode_of(workspace, path)
        runnable = mode | (mode & 0o444) >> 2  # by whoever may read it
        set_mode(workspace, path, runnable if file.executable else mode & ~0o111)


def mode_of(workspace: Workspace, path: str) -> int:
    with workspace.opened(path) as file:
        return stat.S_IMODE(os.fstat(file.fileno()).st_mode)


def set_mode(workspace: Workspace, path: str, mode: int) -> None:
    with workspace.opened(path) as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) != mode:
            os.fchmod(file.fileno(), mode)

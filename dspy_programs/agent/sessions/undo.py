"""Putting back what a run has changed: the files as they were are kept in its session.

Input      the workspace as it was when the run began, and as it is when it ends.
Output     undo(...) -> the paths that were put back, and for each other path why it was left.
Guarantees a file that somebody has changed since is left as it is; what a run made is removed. Of a run that was killed only
           what it changed after it went on is kept.
Limits     files of 5 MB together; a workspace that is too large to be compared is not kept at all.
"""

import base64
import hashlib
from typing import NamedTuple

from dspy_programs.agent.sessions.session import Session
from dspy_programs.agent.workspace.snapshot import Snapshot
from dspy_programs.agent.workspace.workspace import Workspace

_NAME = "undo"
_MOST_BYTES = 5_000_000


class Undone(NamedTuple):
    """What was put back, and what was not: path -> why."""

    back: list[str]
    left: dict[str, str]


def keep_former(session: Session, before: Snapshot | None, workspace: Workspace) -> None:
    """Keep what a run has changed as it was. Of several runs of one session the first counts."""
    if before is None:
        return
    kept, left = dict(session.get(_NAME, {})), _MOST_BYTES
    new, changed = before.changes()
    for path in [*new, *changed]:
        content = before.content(path)
        left -= len(content or b"")
        if left < 0:
            break
        former = None if content is None else base64.b64encode(content).decode()
        kept[path] = {"before": kept[path]["before"] if path in kept else former, "after": _digest(path, workspace)}
    if kept:
        session.set("", **{_NAME: kept})


def undo(session: Session, workspace: Workspace) -> Undone:
    """Put back what the runs of a session have changed. Raises ToolError if a file cannot be written."""
    done = Undone([], {})
    for path, entry in session.get(_NAME, {}).items():
        if _digest(path, workspace) != entry["after"]:
            done.left[path] = "it has changed since"
            continue
        if entry["before"] is not None:
            workspace.write(path, base64.b64decode(entry["before"]))
        elif entry["after"] is not None:
            workspace.remove(path)
        done.back.append(path)
    session.set("undone", **{_NAME: {path: entry for path, entry in session.get(_NAME, {}).items() if path in done.left}})
    return done


def _digest(path: str, workspace: Workspace) -> str | None:
    return hashlib.sha256(workspace.read(path)).hexdigest() if workspace.kind(path) == "file" else None

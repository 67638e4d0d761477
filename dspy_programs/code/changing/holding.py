"""A folder's journal, held by one process at a time.

Guarantees what a killed run has changed is put on file before anything else is: then it is undone like any other change.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dspy_programs.agent import Snapshot
from dspy_programs.code.changing.folder import Folder, Kept, folders_above
from dspy_programs.code.changing.journal import Journal, digest_of
from dspy_programs.errors import ToolError, UsageError

_SLACK = 3.0  # seconds after a run was last seen alive in which a change is still its own
_NOT_OURS = "-"
"""In place of a digest: whoever has changed the file, `undo` leaves it as it is."""


@contextmanager
def holding(folder: Folder) -> Iterator[Journal]:
    """Give the journal of a folder that no other process changes meanwhile. Raises UsageError if one is at it."""
    journal = Journal(folder)
    try:
        with journal.locked():
            for run in journal.working():  # whoever was at it holds no lock any more
                record(journal, run.id, journal.snapshot(run.id), until=run.at + _SLACK)
                journal.settle(run.id, "killed")
            yield journal
    finally:
        journal.close()


def record(journal: Journal, change: int, before: Snapshot, until: float | None = None) -> list[str]:
    """Put on file what in a folder is other than it was; return the paths.

    until: what was changed after that, in seconds since 1970, is not the run's.
    """
    folder = journal.folder
    new, changed = before.changes()
    paths = [path for path in [*new, *changed] if folder.workspace.kind(path) in (None, "file")]
    with journal.together():
        for path in paths:
            above = next((one for one in reversed(folders_above(path)) if one not in before.folders), "")
            was = before.files.get(path)
            journal.intend(change, path, was and Kept(*was), above, _digest(folder, path, until))
        journal.drop_snapshot(change)
    return paths


def _digest(folder: Folder, path: str, until: float | None) -> str:
    """Return the digest of what is at a path now, if that is the run's."""
    try:
        if until is not None and (when := folder.changed(path)) is not None and when > until:
            return _NOT_OURS
        now = folder.kept(path)
    except (UsageError, ToolError):  # too large, or closed meanwhile
        return _NOT_OURS
    return digest_of(now and now.content)

"""Write changes, all of them or none, and put back what was there before.

Guarantees what was there is on file before the first file is written: a process that is killed in between is undone by `undo`.
           A file that has changed since it was read gets both changes, if they do not overlap.
Raises     UsageError or ToolError; the files are as they were.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dspy_programs.code.changing.checkpoint import drop_checkpoint, keep_checkpoint
from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.holding import holding
from dspy_programs.code.changing.journal import Entry, Former, Journal, digest_of, shown_task
from dspy_programs.code.changing.merging import rebased
from dspy_programs.diffs import Change, in_writing_order
from dspy_programs.errors import ToolError, UsageError

CHANGED_SINCE = "it has changed since"


class Undone(NamedTuple):
    """What was put back, and what was not: path -> why; called again, `undo` goes on.

    what: the change that was undone; was_killed: whether it was killed under way.
    """

    what: str
    back: list[str]
    left: dict[str, str]
    was_killed: bool


class Writer:
    """One change under way; made by `writing`."""

    def __init__(self, folder: Folder, journal: Journal, what: str) -> None:
        self.folder, self.journal, self.what = folder, journal, what
        self.id = 0
        self.checkpoint = ""

    def write(self, changes: Sequence[Change]) -> list[Change]:
        """Write changes; return them as they were written."""
        found = [rebased(change, self.folder.file(self.folder.checked(change.path))) for change in changes]
        now = in_writing_order(change for change in found if change.before != change.after)
        self.folder.require_writable(now)
        if not now:
            return []
        if not self.id:
            self.checkpoint = keep_checkpoint(self.folder.root, [change.path for change in now], self.what)
        with self.journal.together():
            self.id = self.id or self.journal.begin(self.what, self.checkpoint)
            for change in now:
                kept, above = self.folder.kept(change.path), self.folder.first_missing(change.path)
                self.journal.intend(self.id, change.path, kept, above, digest_of(change.after and change.after.content))
        try:
            for change in now:
                self.folder.put(change.path, change.after)
        except BaseException:
            self.put_back()
            raise
        return now

    def put_back(self) -> dict[str, str]:
        """Undo the change; return what was left, and why."""
        left = _put_back(self.folder, self.journal, self.id) if self.id else {}
        if self.id and not left:
            self.journal.forget(self.id)
            drop_checkpoint(self.folder.root, self.checkpoint)
            self.id, self.checkpoint = 0, ""
        return left


@contextmanager
def writing(folder: Folder, what: str) -> Iterator[Writer]:
    """Give a Writer; no other process changes the folder by these commands until the block ends."""
    with holding(folder) as journal:
        writer = Writer(folder, journal, what)
        yield writer
        if writer.id:
            settle(journal, writer.id)


def settle(journal: Journal, change: int) -> None:
    """Say that a change is done, and forget those that are too old."""
    journal.settle(change, "done")
    for old in journal.outdated():
        drop_checkpoint(journal.folder.root, old.checkpoint)
        journal.forget(old.id)


def undo(path: str | Path = ".", *, force: bool = False) -> Undone:
    """Put back what the last change in a folder has changed; called again, what the one before has.

    Args:
        path: The folder.
        force: Put back also files that somebody has changed since.

    Raises:
        UsageError: There is nothing to undo, or another process changes the folder.
    """
    folder = Folder(path)
    with holding(folder) as journal:
        if (entry := journal.last()) is None:
            raise UsageError(f"{folder.root}: nothing to undo: whatever these commands have changed here is undone")
        if entry.state == "not kept":
            journal.settle(entry.id, "undone")
            where = f"{entry.checkpoint} has the files that git tracks as they were" if entry.checkpoint else "git has no copy"
            what = shown_task(entry.what)
            raise UsageError(f"{folder.root}: too many files to undo a run that was killed ({what}); {where}")
        return _undone(folder, journal, entry, force)


def _undone(folder: Folder, journal: Journal, entry: Entry, force: bool) -> Undone:
    formers = journal.formers(entry.id)
    left = _put_back(folder, journal, entry.id, force)
    if entry.state == "writing":
        folder.remove_leftovers([one.path for one in formers])
    if not left:
        journal.settle(entry.id, "undone")
        drop_checkpoint(folder.root, entry.checkpoint)
    back = [one.path for one in formers if one.path not in left]
    return Undone(entry.what, back, left, entry.state in ("writing", "killed"))


def _put_back(folder: Folder, journal: Journal, change: int, force: bool = False) -> dict[str, str]:
    left = dict[str, str]()
    formers = sorted(journal.formers(change), key=lambda one: one.kept is not None)  # new files go first
    for former in formers:
        try:
            why = _put_one_back(folder, former, force)
        except (UsageError, ToolError) as error:  # one that cannot be put back must not keep the others
            why = str(error).removeprefix(f"{former.path}: ")
        if why:
            left[former.path] = why
    for path, _, above, _ in formers:
        if above and path not in left:
            folder.remove_empty(path, above)
    return left


def _put_one_back(folder: Folder, former: Former, force: bool) -> str:
    """Make a file what it was; say why if it is left as it is. Raises UsageError or ToolError."""
    path, was, _, written = former
    if folder.workspace.normal(path) != path:
        return "it is a link now, or behind one"
    if folder.workspace.kind(path) not in (None, "file"):
        return "it is no file any more"
    if (now := folder.kept(path)) == was:
        return ""
    digest = digest_of(now.content if now else None)
    if not force and digest not in written and (was is None or digest != digest_of(was.content)):
        return CHANGED_SINCE
    folder.put_back(path, was)
    return ""

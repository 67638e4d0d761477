"""The folder whose files are changed: read one, put one, and which of them may be.

Guarantees nothing outside is read or written, whatever links and `..` there are; a file is replaced at once and keeps its mode.
Raises     UsageError for a path that leads out or through a link, for git's own files, files made for secrets, what is no
           regular file, and a file that is read-only; ToolError if one cannot be written.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dspy_programs.agent import MOST_BYTES, Workspace, is_leftover, put_file, set_mode
from dspy_programs.code.files.secret_files import has_secret_name
from dspy_programs.diffs import Change, File
from dspy_programs.errors import ToolError, UsageError
from dspy_programs.text import printable

_ROOM = 4_000_000  # bytes that must be left on the disk beyond what is written


class Kept(NamedTuple):
    """A file as it is, with all of its mode."""

    content: bytes
    mode: int


class Folder:
    """A folder, by its path."""

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_dir():
            raise UsageError(f"{path}: no folder; name the folder whose files are changed")
        self.workspace = Workspace(path)

    @property
    def root(self) -> Path:
        return self.workspace.root

    def checked(self, path: str) -> str:
        """Return the path of a file that may be changed, or made, as the folder has it."""
        shown = printable(path)
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if path.startswith(("/", "~")) or ".." in parts or not parts:
            raise UsageError(f"{shown}: outside of {self.root}; only files in it are changed")
        if any(part.casefold() == ".git" for part in parts):
            raise UsageError(f"{shown}: git's own files are not changed")
        if has_secret_name(parts[-1]):
            raise UsageError(f"{shown}: made for secrets, so it is not changed")
        try:
            normal, kind = self.workspace.normal(path), self.workspace.kind(path)
        except ToolError as error:
            raise UsageError(str(error)) from None
        except OSError as error:
            raise UsageError(f"{shown[:80]}: {error.strerror}") from None
        if normal != "/".join(parts) or kind == "link":
            raise UsageError(f"{shown}: a link, or behind one; name the file itself")
        if kind not in (None, "file"):
            raise UsageError(f"{shown}: {'a folder' if kind == 'folder' else 'a pipe, socket or device'}, not a file")
        return normal

    def kept(self, path: str) -> Kept | None:
        """Return what is in a file; None where there is none, or something else."""
        if self.workspace.kind(path) != "file":
            return None
        with self.workspace.opened(path) as file:
            content = file.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise UsageError(f"{path}: larger than {MOST_BYTES:,} bytes; it is not changed")
            return Kept(content, stat.S_IMODE(os.fstat(file.fileno()).st_mode))

    def changed(self, path: str) -> float | None:
        """Return when a file was changed last, in seconds since 1970; None where there is none, or something else."""
        if self.workspace.kind(path) != "file":
            return None
        with self.workspace.opened(path) as file:
            return os.fstat(file.fileno()).st_mtime

    def file(self, path: str) -> File | None:
        kept = self.kept(path)
        return None if kept is None else File(kept.content, bool(kept.mode & stat.S_IXUSR))

    def require_writable(self, changes: Sequence[Change]) -> None:
        """Raise UsageError before anything is written: a read-only file, or too little room on the disk."""
        for change in changes:
            self.checked(change.path)
            kept = self.kept(change.path)
            if kept is not None and not kept.mode & 0o222:
                raise UsageError(f"{change.path}: read-only; nothing was changed")
        disk = os.fstatvfs(self.workspace.handle)
        needed = sum(len(file.content) for change in changes for file in (change.before, change.after) if file)
        if disk.f_bavail * disk.f_frsize < needed + _ROOM:
            raise UsageError(f"{self.root}: too little room on the disk; nothing was changed")

    def put(self, path: str, file: File | None) -> None:
        """Make a file, replace it, or delete it, and the folders that are empty without it."""
        put_file(self.workspace, path, file)
        if file is None:
            self.remove_empty(path, "")

    def put_back(self, path: str, kept: Kept | None) -> None:
        """Make a file what it was, its mode included."""
        if kept is not None:
            self.workspace.write(path, kept.content)
            set_mode(self.workspace, path, kept.mode)
        elif self.workspace.kind(path) is not None:
            self.workspace.remove(path)

    def first_missing(self, path: str) -> str:
        """Return the outermost folder on the way to a file that is not there; "" if all are."""
        return next((above for above in reversed(folders_above(path)) if self.workspace.kind(above) is None), "")

    def remove_empty(self, path: str, top: str) -> None:
        """Delete the empty folders on the way to a file, from the inmost on, up to `top`."""
        for above in folders_above(path):
            if self.workspace.kind(above) == "folder":
                self.workspace.remove_if_empty(above)
            if above == top:
                return

    def remove_leftovers(self, paths: Sequence[str]) -> None:
        """Delete the half-written files that a killed process has left beside these."""
        for above in {str(Path(path).parent) for path in paths}:
            if self.workspace.kind(above) == "folder":
                for found in list(self.workspace.walk(above, depth=1)):
                    if found.kind == "file" and is_leftover(Path(found.path).name):
                        self.workspace.remove(found.path)


def folders_above(path: str) -> list[str]:
    """Return the folders on the way to a file, the inmost first."""
    return [str(above) for above in list(Path(path).parents)[:-1]]

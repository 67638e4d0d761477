"""The files of a workspace as they are, to be put back when a script went wrong: what failed leaves nothing behind.

Output     Snapshot.of(workspace), or None where the workspace is too large to keep; restore() -> the paths that were put back
           or taken away, [] where nothing had changed.
Guarantees contents and modes are as before; new files, links and empty folders are gone. Links that were there and what is
           inside .git are not touched.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple, Self

from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.workspace.workspace import Workspace

_MOST_FILES = 2_000
_MOST_BYTES = 20_000_000


class _File(NamedTuple):
    content: bytes
    mode: int


class Snapshot:
    """What the files were. others: links and the like."""

    def __init__(self, workspace: Workspace, files: dict[str, _File], others: set[str], folders: set[str]) -> None:
        self.workspace, self.files, self.others, self.folders = workspace, files, others, folders

    @classmethod
    def of(cls, workspace: Workspace, most_files: int = _MOST_FILES, most_bytes: int = _MOST_BYTES) -> Self | None:
        files: dict[str, _File] = {}
        others: set[str] = set()
        folders: set[str] = set()
        for found in workspace.walk():
            if found.kind == "folder":
                folders.add(found.path)
                continue
            most_bytes -= found.size
            if most_bytes < 0 or len(files) == most_files:
                return None
            try:
                if found.kind == "file":
                    files[found.path] = _read(workspace, found.path)
                    continue
            except ToolError:
                pass  # not readable, so no script has changed it either
            others.add(found.path)
        return cls(workspace, files, others, folders)

    @classmethod
    def again(cls, workspace: Workspace, files: Mapping[str, tuple[bytes, int]], others: set[str], folders: set[str]) -> Self:
        """Return a snapshot that somebody has kept. files: content and mode by path."""
        return cls(workspace, {path: _File(*file) for path, file in files.items()}, others, folders)

    def changes(self) -> tuple[list[str], list[str]]:
        """Return the paths that are new, or no file any more, and those of the files that are other than they were."""
        now = {found.path: found.kind for found in self.workspace.walk() if found.kind != "folder"}
        new = [path for path, kind in now.items() if path not in self.others and (path not in self.files or kind != "file")]
        changed = [path for path, file in self.files.items() if now.get(path) != "file" or self._is_other(path, file)]
        return new, changed

    def _is_other(self, path: str, file: _File) -> bool:
        """Return whether a file has changed. One that the policy has closed meanwhile cannot have been changed here."""
        try:
            return _read(self.workspace, path) != file
        except ToolError:
            return False

    def text(self, path: str) -> str | None:
        """Return the text of a file as it was, None if it was not there."""
        content = self.content(path)
        return None if content is None else content.decode("utf-8", "backslashreplace")

    def content(self, path: str) -> bytes | None:
        """Return the bytes of a file as they were, None if it was not there."""
        return self.files[path].content if path in self.files else None

    def restore(self) -> list[str]:
        """Put every file back. Raises ToolError if one cannot be."""
        new, changed = self.changes()
        for path in new:  # links first: nothing is written through them
            self.workspace.remove(path)
        folders = {found.path for found in self.workspace.walk() if found.kind == "folder"} - self.folders
        for folder in sorted(folders, reverse=True):  # the inner ones first; one may stand where a file was
            self.workspace.remove_if_empty(folder)
        for path in changed:
            self.workspace.write(path, self.files[path].content)
            with self.workspace.opened(path) as opened:
                os.fchmod(opened.fileno(), self.files[path].mode)
        return [*new, *changed]


def _read(workspace: Workspace, path: str) -> _File:
    with workspace.opened(path) as file:
        return _File(file.read(), os.fstat(file.fileno()).st_mode & 0o7777)

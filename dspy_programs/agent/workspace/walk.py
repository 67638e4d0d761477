"""Find a path below an open folder, by hand: one component after the other, each opened relative to the one before.

The kernel never resolves more than one name at a time and never follows a link, so nothing that is swapped in the meantime
(a folder for a link, a link for another) can lead out. Links are read and followed here, if they stay inside; `..` goes back
to the handle that was open before, never to what the disk calls the parent.

Input      an open folder, its path, and a path as a model writes it.
Output     Place: the folder that holds the last component, open, and its name there; the caller closes it.
Raises     ToolError for a path that leads out, in a circle, through a file, or that no file can have; FileNotFoundError where
           a folder on the way is not there.
"""

import contextlib
import errno
import os
from collections import deque
from pathlib import Path
from typing import Literal, NamedTuple

from dspy_programs.errors import ToolError

_MOST_LINKS = 40
_LONGEST = 4096  # bytes, as in the kernel
NOWHERE = -1  # the handle of a folder that is not there
Missing = Literal["refuse", "make", "pretend"]
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Place(NamedTuple):
    folder: int
    """An open folder, or NOWHERE."""
    name: str
    """In that folder; `.` for the folder itself."""
    parts: tuple[str, ...]
    """The way from the workspace, without links and dots."""

    @property
    def path(self) -> str:
        return "/".join(self.parts) or "."


def place_of(top: int, root: Path, path: str, *, missing: Missing = "refuse", follow: bool = True) -> Place:
    """Find `path` below the open folder `top`. Raises ToolError, OSError.

    missing: what to do about a folder on the way that is not there: refuse, make it, or pretend that it is (the handle of
    the place is NOWHERE then). follow: go through a link at the very end too.
    """
    waiting = deque(parts_of(path, root))
    handles, links = [os.dup(top)], 0
    names: list[str] = []
    try:
        while waiting:
            part = waiting.popleft()
            if part == "..":
                if not names:
                    raise _leads_out(path) if links else _outside(path)
                names.pop()
                _close([handles.pop()])
                continue
            if (follow or waiting) and (target := _link(handles[-1], part)) is not None:
                links += 1
                if links > _MOST_LINKS:
                    raise ToolError(f"{path}: its links lead in a circle; name the file itself")
                if target.startswith("/"):
                    _close(handles[1:])
                    del handles[1:], names[:]
                waiting.extendleft(reversed(_link_parts(path, target, root)))
                continue
            if not waiting:
                return Place(handles.pop(), part, (*names, part))
            try:
                handles.append(_opened(handles[-1], part, missing))
            except OSError as error:
                if error.errno == errno.ENOTDIR and links < _MOST_LINKS and _link(handles[-1], part) is not None:
                    links += 1  # it became a link just now
                    waiting.appendleft(part)
                    continue
                if error.errno == errno.ENOENT:
                    raise
                raise _unreachable(path, part, error) from None
            names.append(part)
        return Place(handles.pop(), ".", tuple(names))
    finally:
        _close(handles)


def parts_of(path: str, root: Path) -> list[str]:
    """Split a path; an absolute one must begin with the workspace's own. Raises ToolError."""
    if not path.strip():
        raise ToolError("the path is empty; name a file, like notes.txt, or . for the whole workspace")
    if any(ord(character) < 32 for character in path):
        raise ToolError(f"{path!r}: a path has no control characters")
    try:
        if len(os.fsencode(path)) > _LONGEST:
            raise ToolError(f"{path[:60]}...: the path is too long")
    except UnicodeEncodeError:
        raise ToolError(f"{path!r}: no file can have this name") from None
    if path.startswith("~"):
        raise _outside(path)
    parts = path.split("/")
    if path.startswith("/"):
        own = root.parts[1:]
        given = [part for part in parts if part not in ("", ".")]
        if tuple(given[: len(own)]) != own:
            raise _outside(path)
        parts = given[len(own) :]
    return [part for part in parts if part not in ("", ".")]


def _link_parts(path: str, target: str, root: Path) -> list[str]:
    try:
        return parts_of(target, root)
    except ToolError:
        raise _leads_out(path) from None


def _leads_out(path: str) -> ToolError:
    return ToolError(f"{path}: a link that leads out of the workspace; only files inside it can be used")


def _outside(path: str) -> ToolError:
    how = "paths begin without /, like" if path.startswith("/") else "use a path inside it, like notes.txt or"
    return ToolError(f"{path}: outside of the workspace; {how} src/main.py")


def _link(folder: int, name: str) -> str | None:
    """Return where a link leads; None for anything else."""
    if folder == NOWHERE:
        return None
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def _opened(folder: int, name: str, missing: Missing) -> int:
    if folder == NOWHERE:
        return NOWHERE
    try:
        return os.open(name, FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if missing == "refuse":
            raise
    if missing == "pretend":
        return NOWHERE
    with contextlib.suppress(FileExistsError):  # another actor may have made it just now
        os.mkdir(name, dir_fd=folder)
    return os.open(name, FOLDER, dir_fd=folder)


def _unreachable(path: str, part: str, error: OSError) -> ToolError:
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return ToolError(f"{path}: {part} is not a folder")
    return ToolError(f"{path}: {error.strerror}")


def _close(handles: list[int]) -> None:
    for handle in handles:
        if handle != NOWHERE:
            os.close(handle)

"""The one folder that the agent may touch. Every file is opened relative to a handle of that folder.

Input      a folder; paths as a model writes them: relative, or absolute and inside.
Guarantees nothing outside is read, written, listed or created, whatever links, `..` or another process do in the meantime;
           only regular files are opened, so that no pipe, device or socket blocks or acts; a write replaces the file at
           once, keeps its mode and its access list, and cuts the tie to other names of it (hard links), which keep the old
           content; a file of git's own (.git) is never written. Methods may be called from several threads; `changing`
           keeps a read and the write that follows together.
Limits     if another process moves a folder out while it is open here, the call in flight still ends there. A file with
           several names (hard links) may have one outside: `is_shared` tells, and the policy asks.
Raises     UsageError for a folder that cannot be a workspace; ToolError for everything that a call asks for in vain.
"""

import contextlib
import difflib
import itertools
import os
import stat
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dspy_programs.agent.workspace.changing import changing_of
from dspy_programs.agent.workspace.regular_files import Kind, kind_of, open_regular, replace
from dspy_programs.agent.workspace.walk import FOLDER, NOWHERE, Missing, Place, place_of
from dspy_programs.errors import ToolError, UsageError

MOST_BYTES = 20_000_000  # that are read or written at once
_MOST_COMPARED = 2_000  # entries
_DEEPEST = 60  # folders inside each other in a listing


class Found(NamedTuple):
    """An entry of a listing."""

    path: str
    kind: Kind
    size: int
    """Bytes; 0 of anything but a file."""
    changed: int
    """Time of the last change, in nanoseconds."""
    shared: bool
    """A file with several names (hard links) that was not made here."""


class Workspace:
    """A folder, and what is in it."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().resolve()
        if os.open not in os.supports_dir_fd:
            raise UsageError("a workspace needs Linux or macOS: this system opens no file relative to a folder")
        if self.root == Path(self.root.anchor):
            raise UsageError(f"{self.root} cannot be the workspace: choose the folder of the task")
        try:
            self.handle = os.open(self.root, FOLDER)
        except OSError as error:
            raise UsageError(f"{root}: cannot be the workspace: {error.strerror}; create the folder, or name another") from None
        weakref.finalize(self, os.close, self.handle)
        self.changing = changing_of(self.handle)
        self.closed: Callable[[str], bool] | None = None
        """Which paths no tool and nothing that runs here may read, if any (the policy says so)."""
        self._made: set[tuple[int, int]] = set()

    def is_in_place(self) -> bool:
        """Return whether the path still leads to the folder that was opened."""
        try:
            return os.path.samestat(os.stat(self.root, follow_symlinks=False), os.fstat(self.handle))
        except OSError:
            return False

    def normal(self, path: str) -> str:
        """Return where a path really leads, without links and dots: `a/b`, or `.` for the workspace. Raises ToolError."""
        with self._place(path, missing="pretend") as place:
            return place.path

    def kind(self, path: str) -> Kind | None:
        """Return what is there; None for nothing. Raises ToolError for a path that leads out."""
        status = self._status(path)
        return None if status is None else kind_of(status)

    def is_shared(self, path: str) -> bool:
        """Return whether a file has other names (hard links), which may be outside, and was not made here."""
        status = self._status(path)
        return status is not None and self._shared(status)

    def _status(self, path: str) -> os.stat_result | None:
        try:
            with self._place(path, missing="pretend") as place:
                if place.folder == NOWHERE:
                    return None
                return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
        except _Missing:
            return None

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[BinaryIO]:
        """Give a regular file to read from. Raises ToolError."""
        with self._place(path) as place:
            if self.closed and self.closed(place.path):
                raise ToolError(f"{path}: the policy denies it")
            with os.fdopen(open_regular(place, path), "rb") as file:
                yield file

    def read(self, path: str, limit: int = MOST_BYTES) -> bytes:
        """Return the first `limit` bytes of a file. Raises ToolError."""
        with self.opened(path) as file:
            return file.read(limit)

    def text(self, path: str) -> str:
        """Return a whole UTF-8 file, its line ends as they are. Raises ToolError for anything else."""
        held = self.read(path, MOST_BYTES + 1)
        if len(held) > MOST_BYTES:
            raise ToolError(f"{path}: larger than {MOST_BYTES:,} bytes; work on it with shell or python")
        try:
            return held.decode("utf-8")
        except UnicodeDecodeError:
            raise ToolError(f"{path}: not a text file in UTF-8; work on it with shell or python") from None

    def write(self, path: str, content: str | bytes) -> None:
        """Make a file, or replace it at once; folders on the way are made. Raises ToolError."""
        data = content.encode("utf-8", "replace") if isinstance(content, str) else content
        if len(data) > MOST_BYTES:
            raise ToolError(f"{path}: {len(data):,} bytes are too many at once; write less than {MOST_BYTES:,}")
        _not_gits(path, self.normal(path))
        with self.changing, self._place(path, missing="make") as place:
            _not_gits(path, place.path)  # a link may have changed
            try:
                status = replace(place, path, data)
            except OSError as error:
                raise ToolError(f"{path}: cannot be written: {error.strerror}") from None
            self._made.add((status.st_dev, status.st_ino))

    def check_writable(self, path: str) -> None:
        """Raise ToolError for a path that may never be written: outside, or one of git's own."""
        _not_gits(path, self.normal(path))

    def remove(self, path: str) -> None:
        """Delete a file or a link; of a link not what it leads to. Raises ToolError."""
        with self.changing, self._place(path, follow=False) as place:
            _not_gits(path, place.path)
            try:
                os.unlink(place.name, dir_fd=place.folder)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise ToolError(f"{path}: cannot be deleted: {error.strerror}") from None

    def remove_if_empty(self, folder: str) -> None:
        """Delete a folder in which there is nothing; any other stays."""
        with self.changing, self._place(folder, follow=False) as place, contextlib.suppress(OSError):
            _not_gits(folder, place.path)
            os.rmdir(place.name, dir_fd=place.folder)

    def move(self, path: str, to: str) -> None:
        """Give a file or a folder another name; nothing is overwritten. Raises ToolError."""
        if self.kind(to) is not None:
            raise ToolError(f"{to}: exists already; choose another name, or delete it first")
        _not_gits(path, self.normal(path))
        _not_gits(to, self.normal(to))
        with self.changing, self._place(path, follow=False) as old, self._place(to, missing="make") as new:
            _not_gits(path, old.path)
            _not_gits(to, new.path)
            try:
                os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise ToolError(f"{path}: cannot be moved to {to}: {error.strerror}") from None

    def is_own(self, path: str) -> bool:
        """Return whether a file was made, or last replaced, by this object."""
        status = self._status(path)
        return status is not None and (status.st_dev, status.st_ino) in self._made

    def walk(self, under: str = ".", depth: int = _DEEPEST) -> Iterator[Found]:
        """List what is in a folder, sorted, folders before what is in them; no link is followed and .git is left out."""
        with self._place(under) as place:
            try:
                folder = os.open(place.name, FOLDER, dir_fd=place.folder)
            except NotADirectoryError:
                raise ToolError(f"{under}: not a folder; read_file shows a file") from None
            yield from self._listed(folder, place.parts, depth)

    def _listed(self, folder: int, parts: tuple[str, ...], depth: int) -> Iterator[Found]:
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries)
            for name in names:
                try:
                    if name == ".git":
                        continue
                    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    kind = kind_of(status)
                    size = status.st_size if kind == "file" else 0
                    yield Found("/".join((*parts, name)), kind, size, status.st_mtime_ns, self._shared(status))
                    if kind == "folder" and depth > 1:
                        yield from self._listed(os.open(name, FOLDER, dir_fd=folder), (*parts, name), depth - 1)
                except (FileNotFoundError, NotADirectoryError, PermissionError):
                    continue  # gone or closed since it was listed
        finally:
            os.close(folder)

    def _shared(self, status: os.stat_result) -> bool:
        several = stat.S_ISREG(status.st_mode) and status.st_nlink > 1
        return several and (status.st_dev, status.st_ino) not in self._made

    @contextlib.contextmanager
    def _place(self, path: str, *, missing: Missing = "refuse", follow: bool = True) -> Iterator[Place]:
        """Find a path. A file that turns out not to be there when the caller uses the place is a _Missing."""
        try:
            place = place_of(self.handle, self.root, path, missing=missing, follow=follow)
        except FileNotFoundError:
            raise _Missing(f"{path}: there is no such file or folder; {self._like(path)}") from None
        except OSError as error:
            raise ToolError(f"{path}: {error.strerror}") from None
        try:
            yield place
        except FileNotFoundError:
            like = "" if missing == "pretend" else f"; {self._like(path)}"  # it reads the tree: not for whoever only asks
            raise _Missing(f"{path}: there is no such file or folder{like}") from None
        finally:
            if place.folder != NOWHERE:
                os.close(place.folder)

    def _like(self, path: str) -> str:
        """Say which file has the same name elsewhere, or one like it in any folder."""
        name = path.rstrip("/").rpartition("/")[2]
        names = {found.path.rpartition("/")[2]: found.path for found in itertools.islice(self.walk(), _MOST_COMPARED)}
        like = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
        return f"there is {names[like[0]]}" if like else "list_files shows what is there"


class _Missing(ToolError):
    """There is nothing at the path."""


def _not_gits(path: str, normal: str) -> None:
    """Refuse git's own files: what they name is run by whoever uses git there next."""
    if ".git" in normal.casefold().split("/"):
        raise ToolError(f"{path}: git's own files are not changed; use git_commit, or change the files themselves")

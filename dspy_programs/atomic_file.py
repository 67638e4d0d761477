"""Write files atomically: all at once, or piece by piece while a long command runs.

Guarantees on any failure, a signal included, the old file stays as it was; a device or a pipe is written to as it is. An
           existing file keeps its mode, its access list and, where this user may set it, its owner; a new one follows the
           umask. A link is written through: the file that it names is replaced. A second name of the file (a hard link)
           keeps the old content, as a backup made that way should.
Raises     UsageError where the file cannot be written: a missing right, a full disk, a folder of that name, a file that is
           read-only, a link that leads to no folder.
"""

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from dspy_programs.errors import UsageError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` by a file that is complete and on the disk; on any failure the old file stays. Raises UsageError."""
    with opened_atomically(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def opened_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to; it takes the place of `path` when the block ends well. Raises UsageError."""
    temporary = None
    try:
        if path.exists() and not path.is_file():  # replacing a device would take it away from everybody else
            with path.open("wb") as file:
                yield file
            return
        target = target_of(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary, handle = _beside(target)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


class _Enough(Exception):
    """The file can be written; nothing is."""


def require_writable(path: Path) -> None:
    """Raise UsageError now, not after an hour of work, if a file cannot be written."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        return  # a device or a pipe would take what is tried
    with contextlib.suppress(_Enough), opened_atomically(path):
        raise _Enough


def require_apart(outputs: Iterable[Path], inputs: Iterable[Path] = ()) -> None:
    """Raise UsageError if two outputs are one file, or one is an input, which it would replace. "-" is no file."""
    read, taken = [*inputs], list[Path]()
    for path in outputs:
        if any(is_same(path, other) for other in read):
            raise UsageError(f"{path}: is read, so it cannot be an output; give another file")
        if any(is_same(path, other) for other in taken):
            raise UsageError(f"{path}: given for two outputs; give each its own file")
        taken.append(path)


def is_same(one: Path, other: Path) -> bool:
    """Return whether two paths name one file, through whatever links."""
    same = os.path.realpath(one) == os.path.realpath(other)  # unlike Path.resolve, it bears a link that leads back to itself
    return same or (os.path.isfile(one) and os.path.isfile(other) and os.path.samefile(one, other))


def target_of(path: Path) -> Path:
    """Return the file that a path leads to through links, whether or not it exists. Raises UsageError for a broken link."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise UsageError(f"{path}: cannot be written: a link that leads back to itself; delete it, or name another file")
    if not target.parent.is_dir():  # made here, it could be the empty place of a disk that is not mounted
        raise UsageError(f"{path}: cannot be written: a link to {target}, but there is no folder {target.parent}; create it")
    return target


def _beside(target: Path) -> tuple[Path, int]:
    """Create an empty file in the folder of `target`, with its rights; return its path and descriptor."""
    path = target.with_name(f".{target.name[:60]}.{secrets.token_hex(6)}")  # a name has at most 255 bytes
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    if not target.exists():
        return path, os.open(path, flags, 0o666)  # less the umask
    if not os.access(target, os.W_OK):
        raise PermissionError(0, "it is read-only; make it writable, or name another file")
    handle = os.open(path, flags, 0o600)
    try:
        _take_rights(target, path)
    except BaseException:
        os.close(handle)
        path.unlink()
        raise
    return path, handle


def _take_rights(old: Path, new: Path) -> None:
    """Give a new file the owner, the mode and the access list of an old one. A group that cannot be kept gets no rights."""
    was, now = old.stat(), new.stat()
    if hasattr(os, "chown") and (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        with contextlib.suppress(PermissionError):
            os.chown(new, -1, was.st_gid)
            os.chown(new, was.st_uid, -1)
    shutil.copystat(old, new)
    if new.stat().st_gid != was.st_gid:
        os.chmod(new, stat.S_IMODE(was.st_mode) & ~stat.S_IRWXG)

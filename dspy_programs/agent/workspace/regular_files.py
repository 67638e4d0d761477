"""Open regular files relative to a folder, and give a new file the rights of the one that it replaces.

Guarantees a file is looked at before it is opened, because opening a device may act, and after, because it may be another by
           then; no link is followed and no pipe waited for.
Raises     ToolError for what is no regular file or is read-only; FileNotFoundError for nothing.
"""

import contextlib
import os
import re
import secrets
import stat
from typing import Literal

from dspy_programs.agent.workspace.walk import Place
from dspy_programs.errors import ToolError

Kind = Literal["file", "folder", "link", "other"]
READ_ONLY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.new")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def kind_of(status: os.stat_result) -> Kind:
    if stat.S_ISREG(status.st_mode):
        return "file"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    return "link" if stat.S_ISLNK(status.st_mode) else "other"


def open_regular(place: Place, path: str) -> int:
    """Open a regular file to read from."""
    if (kind := kind_of(os.stat(place.name, dir_fd=place.folder, follow_symlinks=False))) == "file":
        try:
            handle = os.open(place.name, READ_ONLY, dir_fd=place.folder)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise ToolError(f"{path}: cannot be opened: {error.strerror}") from None
        if (kind := kind_of(os.fstat(handle))) == "file":
            return handle
        os.close(handle)
    if kind == "folder":
        raise ToolError(f"{path}: is a folder; list_files shows what is in it")
    raise ToolError(f"{path}: is not a regular file (a pipe, device, socket or link); it is not used")


def open_to_replace(place: Place, path: str) -> int | None:
    """Open the file that a new one will replace, for its rights; None where there is none."""
    try:
        handle = open_regular(place, path)
    except FileNotFoundError:
        return None
    if os.fstat(handle).st_mode & 0o222:
        return handle
    os.close(handle)
    raise ToolError(f"{path}: is read-only; it is not changed")


def take_rights(old: int, new: int) -> None:
    """Give a new file the owner, mode and access list of an old one."""
    was = os.fstat(old)
    with contextlib.suppress(OSError):
        os.fchown(new, was.st_uid, was.st_gid)
    os.fchmod(new, stat.S_IMODE(was.st_mode) & 0o1777)  # set-user and set-group bits are not for new content
    for name in os.listxattr(old) if hasattr(os, "listxattr") else ():
        with contextlib.suppress(OSError):
            os.setxattr(new, name, os.getxattr(old, name))


def is_leftover(name: str) -> bool:
    """Return whether a file has a name that `replace` gives while it writes: whose process was killed leaves it behind."""
    return _TEMPORARY.fullmatch(name) is not None


def replace(place: Place, path: str, data: bytes) -> os.stat_result:
    """Put a new file in the place of the old one, at once; return what it is."""
    old = open_to_replace(place, path)
    temporary = f".{secrets.token_hex(8)}.new"
    handle = os.open(temporary, _NEW, 0o666, dir_fd=place.folder)  # less the umask
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if old is not None:
                take_rights(old, file.fileno())
            os.fsync(file.fileno())
            status = os.fstat(file.fileno())
        os.replace(temporary, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=place.folder)
        raise
    finally:
        if old is not None:
            os.close(old)
    return status

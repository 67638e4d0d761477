"""Which file it is, whatever its name: a rotation renames files, and a new one may get the number of a deleted one."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple


class Identity(NamedTuple):
    """Device, inode, and a digest of so many bytes at the beginning as are known."""

    device: int
    inode: int
    known: int
    digest: str


def digest_of_head(head: bytes) -> str:
    return hashlib.blake2b(head, digest_size=8).hexdigest()


def found_file(path: Path, identity: Identity, size: int) -> BinaryIO | None:
    """Open the file of that identity and at least that size, under its name or the one that a rotation gave it."""
    for named in _names(path, identity.inode):
        with contextlib.suppress(OSError):
            if not named.is_file():  # opening a pipe would block
                continue
            file = named.open("rb")
            status = os.fstat(file.fileno())
            is_it = (status.st_dev, status.st_ino) == (identity.device, identity.inode) and status.st_size >= size
            if is_it and digest_of_head(file.read(identity.known)) == identity.digest:
                return file
            file.close()
    return None


def _names(path: Path, inode: int) -> Iterator[Path]:
    yield path
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for each in entries:
            if each.name.startswith(path.name) and each.name != path.name and each.inode() == inode:
                yield Path(each.path)

"""The text files of a repository: what git ignores, secrets, binaries, lock files and generated files are left out, and said.

Guarantees no link is followed, so no file comes twice and none from outside; a pipe or a device is never opened;
           nothing is left out silently.
Raises     UsageError for a folder that is not there or cannot be read.
"""

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.code.files.secret_files import has_secret_name
from dspy_programs.encoding import HEAD, encoding_of
from dspy_programs.errors import UsageError
from dspy_programs.git import NOBODYS_OWN, ignored_below
from dspy_programs.text import printable

LARGEST = 2_000_000  # bytes: a larger text is data, not code
_LONGEST_LINE = 2_000  # characters on average: minified
LOCKS = frozenset(
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock poetry.lock pdm.lock uv.lock "
    "pipfile.lock requirements.lock cargo.lock gemfile.lock composer.lock go.sum mix.lock pubspec.lock podfile.lock "
    "packages.lock.json flake.lock gradle.lockfile .terraform.lock.hcl conan.lock".split()
)
HOLDS_SECRETS = "made for secrets"
_OWN = frozenset(".dspy_index .dspy_data .dspy_agentic .dspy_cache".split())
"""Folders in which tools like this one keep what they wrote."""
_NOT_TEXT = frozenset(
    ".pyc .pyo .so .o .a .dll .dylib .exe .class .jar .whl .zip .gz .bz2 .xz .zst .7z .tar .png .jpg .jpeg .gif .ico .webp "
    ".pdf .woff .woff2 .ttf .otf .mp3 .mp4 .mov .wav .sqlite .db .parquet .npy .npz .pt .safetensors .gguf .bin .onnx "
    ".wasm".split()
)


class SourceFile(NamedTuple):
    """A file, and what tells whether it has changed. path: relative to the folder, with /; changed: nanoseconds."""

    path: str
    size: int
    changed: int


LeftOut = Counter[str]
"""Why files were left out, and how many."""


def checked_folder(folder: Path) -> Path:
    """Return the folder's real path. Raises UsageError if it is none, or cannot be read."""
    try:
        os.listdir(folder)
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder}: cannot be read: {getattr(error, 'strerror', None) or error}; name a folder") from error
    return folder.resolve()


def source_files(
    folder: Path, left_out: LeftOut, own: Collection[Path] = (), *, hidden: bool = True, every: bool = False
) -> Iterator[SourceFile]:
    """Yield the files that may be code, in the order of their paths.

    Args:
        folder: Its real path.
        left_out: Is told why files are not yielded, and how many.
        own: Files of this tool, which are not the folder's.
        hidden: Also names that begin with a dot.
        every: Also binaries, lock files, large files and those made for secrets.
    """
    ignored, kept_apart = ignored_below(folder), {os.path.realpath(path) for path in own}
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            entries = sorted(os.scandir(folder / inside), key=lambda entry: entry.name)
        except OSError:
            left_out["folder that cannot be read"] += 1
            continue
        folders = []
        for entry in entries:
            path = inside + entry.name
            if entry.name.startswith(".") and not hidden:
                continue
            if not _is_text(path):
                left_out["name that is no text"] += 1
            elif path in ignored:
                left_out["ignored by git"] += 1
            elif entry.is_dir(follow_symlinks=False):
                if entry.name not in NOBODYS_OWN and entry.name not in _OWN:
                    folders.append(path + "/")
            elif not kept_apart or os.path.realpath(entry.path) not in kept_apart:
                yield from _file(entry, path, left_out, every)
        waiting += reversed(folders)


def named_file(folder: Path, name: str) -> SourceFile:
    """Return one file of a folder, whatever is in it. Raises UsageError if it is no regular file."""
    try:
        status = os.stat(folder / name)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}; name another file") from None
    if why := _why_not_regular(status):
        raise UsageError(f"{name}: a {why}; name a text file")
    return SourceFile(name, status.st_size, status.st_mtime_ns)


def _is_text(name: str) -> bool:
    """Return whether a name can be stored, and printed on a line without steering a terminal: names on a disk are bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return printable(name) == name and "\n" not in name


def _file(entry: "os.DirEntry[str]", path: str, left_out: LeftOut, every: bool) -> Iterator[SourceFile]:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return  # gone
    why = _why_not_regular(status) or ("" if every else _why_not_code(entry.name, status))
    if why:
        left_out[why] += 1
    else:
        yield SourceFile(path, status.st_size, status.st_mtime_ns)


def _why_not_regular(status: os.stat_result) -> str:
    if stat.S_ISREG(status.st_mode):
        return ""
    return "link" if stat.S_ISLNK(status.st_mode) else "pipe, socket or device"


def _why_not_code(name: str, status: os.stat_result) -> str:
    if has_binary_name(name):
        return "binary"
    if has_secret_name(name):
        return HOLDS_SECRETS
    if name.lower() in LOCKS:
        return "lock file"
    return f"larger than {LARGEST // 1_000_000} MB" if status.st_size > LARGEST else ""


def has_binary_name(name: str) -> bool:
    """Return whether a file need not be opened to know that it is no text."""
    return os.path.splitext(name)[1].lower() in _NOT_TEXT


def read_bytes(path: Path, limit: int = LARGEST) -> bytes | None:
    """Return what is in a regular file; None for anything else, for more than `limit` bytes, or if it cannot be read."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        try:
            data = file.read(limit + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None
        except OSError:
            return None
    return data if data is None or len(data) <= limit else None


def text_in(data: bytes) -> str | None:
    """Return a file's text with plain line ends; None for a binary file."""
    encoding = encoding_of(data[:HEAD])
    if encoding is None or (encoding != "utf-16" and b"\0" in data):
        return None
    text = data.decode(encoding, "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def is_generated(text: str) -> bool:
    """Return whether a text is written for machines only: minified, or data in very long lines."""
    return len(text) > _LONGEST_LINE * (text.count("\n") + 1)

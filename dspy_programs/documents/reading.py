"""From files to the text in them: .txt, .md, .pdf, .html, .docx, folders of these, standard input.

Guarantees what is in a file is data: nothing in it is run or fetched. What is left out is named with the reason.
Raises     DatasetError for a file that cannot be read as what its name says, has no text, or is too large; MissingExtra.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.documents.html_text import html_text
from dspy_programs.documents.pdf_text import pdf_text
from dspy_programs.documents.word_text import word_text
from dspy_programs.errors import DatasetError, UsageError
from dspy_programs.text import sendable

STDIN = Path("-")
LARGEST = 100_000_000  # bytes of a file
_MOST_FILES = 1_000  # of a folder


class Source(NamedTuple):
    """The text of one file, and what the user calls the file. left_out: what of it has no text, and why; "" if nothing."""

    name: str
    text: str
    left_out: str = ""


def read_source(path: Path) -> Source:
    """Read one file, or standard input for "-"."""
    if path == STDIN:
        return _with_text(sys.stdin.buffer.read(LARGEST + 1), "standard input", ".txt")
    kind = path.suffix.lower()
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{path}: a folder; its files can be read, it cannot")
        if kind not in _KINDS:
            raise DatasetError(f"{path}: of no known kind; name a file {', '.join(_KINDS)}")
        if not stat.S_ISREG(status.st_mode):  # a device may never end, a pipe never begin
            raise DatasetError(f"{path}: no ordinary file; send what it holds to standard input, and name -")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _with_text(content, str(path), kind)


def read_folder(folder: Path, skipped: Callable[[str], None]) -> Iterator[Source]:
    """Yield the text of every readable file below a folder, in the order of their paths.

    skipped: is told of each other one, and of folders that cannot be entered. Names that begin with a dot do not count, and
    linked folders are not followed.
    """
    files = sorted(_files(folder, skipped))
    if len(files) > _MOST_FILES:
        raise UsageError(f"{folder}: {len(files):,} files; ingest at most {_MOST_FILES:,} at once")
    inside = os.path.realpath(folder)
    for file in files:
        place = Path(os.path.realpath(file))  # which no circle of links stops
        if not place.is_relative_to(inside):  # a folder of somebody else's must not read our own files
            skipped(f"{file}: a link to {place}, which is elsewhere; name that file itself")
            continue
        try:
            yield read_source(file)
        except DatasetError as error:
            skipped(str(error))


def _files(folder: Path, skipped: Callable[[str], None]) -> Iterator[Path]:
    def unread(error: OSError) -> None:
        skipped(f"{error.filename}: cannot be read: {error.strerror}")

    for name, folders, files in os.walk(folder, onerror=unread):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for each in folders:
            if (Path(name) / each).is_symlink():
                skipped(f"{Path(name) / each}: a link to a folder; name that folder itself")
        yield from (Path(name) / each for each in files if not each.startswith("."))


def _with_text(content: bytes, name: str, kind: str) -> Source:
    if len(content) > LARGEST:
        raise DatasetError(f"{name}: over {LARGEST // 1_000_000} MB; split it, and ingest the parts")
    text, left_out = _KINDS[kind](content, name)
    text = sendable(text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff"), len(text))
    if not any(map(str.isalnum, text)):
        raise DatasetError(f"{name}: no text in it{'; of a scan, ingest the recognised text' if content else ': it is empty'}")
    return Source(name, text, f"{name}: {left_out}" if left_out else "")


def _plain(content: bytes, name: str) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name}: not UTF-8 text (byte {error.start}); convert it, as with iconv -t utf-8") from error
    if "\0" in text:
        raise DatasetError(f"{name}: not text, but binary data")
    if text.startswith("%PDF-"):
        raise DatasetError(f"{name}: a PDF; name it .pdf")
    return text


def _whole(reader: Callable[[bytes, str], str]) -> Callable[[bytes, str], tuple[str, str]]:
    return lambda content, name: (reader(content, name), "")


_KINDS: dict[str, Callable[[bytes, str], tuple[str, str]]] = {
    ".txt": _whole(_plain),
    ".md": _whole(_plain),
    ".pdf": pdf_text,
    ".html": _whole(html_text),
    ".htm": _whole(html_text),
    ".docx": _whole(word_text),
}

"""From files to the text in them: .txt, .md, .pdf, .html, .docx, folders of these, standard input.

Guarantees what is in a file is data: nothing in it is run or fetched. Of a folder, what is left out is named with the reason.
Raises     DatasetError for a file that cannot be read as what its name says, has no text, or is too large; MissingExtra.
"""

import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError, MissingExtra, UsageError
from dspy_programs.text import sendable

STDIN = Path("-")
_LARGEST = 100_000_000  # bytes of a file, and of what is packed in it
_MOST_FILES = 1_000  # of a folder
_BLOCKS = (  # of HTML: what stands on lines of its own
    "address article aside blockquote br dd div dl dt figcaption footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre "
    "section table td th tr ul"
).split()


class Source(NamedTuple):
    """The text of one file, and what the user calls the file."""

    name: str
    text: str


def read_source(path: Path) -> Source:
    """Read one file, or standard input for "-"."""
    if path == STDIN:
        return Source("standard input", _with_text(sys.stdin.buffer.read(_LARGEST + 1), "standard input", _plain))
    if path.is_dir():
        raise UsageError(f"{path}: a folder; its files can be read, it cannot")
    try:
        if path.stat().st_size > _LARGEST:
            raise DatasetError(f"{path}: over {_LARGEST // 1_000_000} MB; split it, and ingest the parts")
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DatasetError(f"{path}: of no known kind; name a file {', '.join(_READERS)}")
    return Source(str(path), _with_text(content, str(path), reader))


def read_folder(folder: Path, skipped: Callable[[str], None]) -> Iterator[Source]:
    """Yield the text of every readable file below a folder, in the order of their paths. skipped: is told of each other one."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(folder)))
    if len(files) > _MOST_FILES:
        raise UsageError(f"{folder}: {len(files):,} files; ingest at most {_MOST_FILES:,} at once")
    for file in files:
        try:
            yield read_source(file)
        except DatasetError as error:
            skipped(str(error))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _with_text(content: bytes, name: str, reader: Callable[[bytes, str], str]) -> str:
    if len(content) > _LARGEST:
        raise DatasetError(f"{name}: over {_LARGEST // 1_000_000} MB; split it, and ingest the parts")
    text = reader(content, name)
    text = sendable(text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff"), len(text))
    if not text:
        raise DatasetError(f"{name}: no text in it{'; of a scan, ingest the recognised text' if content else ': it is empty'}")
    return text


def _plain(content: bytes, name: str) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name}: not UTF-8 text (byte {error.start}); convert it, as with iconv -t utf-8") from error
    if "\0" in text:
        raise DatasetError(f"{name}: not text, but binary data")
    return text


def _pdf(content: bytes, name: str) -> str:
    pypdf = _imported("pypdf")
    if b"%PDF-" not in content[:1024]:
        raise DatasetError(f"{name}: not a PDF, although named so")
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DatasetError(f"{name}: the PDF needs a password; save it without one")
        return "\n\n".join(page.extract_text() for page in reader.pages)
    except DatasetError:
        raise
    except Exception as error:  # pypdf raises errors of many kinds for a damaged file
        raise DatasetError(f"{name}: a damaged PDF: {_one_line(error)}") from error


def _docx(content: bytes, name: str) -> str:
    docx = _imported("docx")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > _LARGEST:
                raise DatasetError(f"{name}: over {_LARGEST // 1_000_000} MB when unpacked")
        blocks = docx.Document(io.BytesIO(content)).iter_inner_content()
        return "\n".join(line for block in blocks for line in _lines_of(block))
    except DatasetError:
        raise
    except Exception as error:  # a zip, XML or package that is none
        raise DatasetError(f"{name}: not a Word document, although named so: {_one_line(error)}") from error


def _lines_of(block: Any) -> list[str]:
    """Return the lines of a paragraph or a table."""
    if not hasattr(block, "rows"):
        return [block.text]
    return [" | ".join(cell.text for cell in row.cells) for row in block.rows]


def _html(content: bytes, name: str) -> str:
    soup = _imported("bs4").BeautifulSoup(content, "html.parser")
    for element in soup(["script", "style", "noscript", "template", "head", "title"]):
        element.decompose()
    for element in soup(_BLOCKS):
        element.insert_before("\n")
        element.insert_after("\n")
    lines = (" ".join(line.split()) for line in soup.get_text().splitlines())
    return "\n".join(line for line in lines if line)


_READERS: dict[str, Callable[[bytes, str], str]] = {
    ".txt": _plain,
    ".md": _plain,
    ".pdf": _pdf,
    ".html": _html,
    ".htm": _html,
    ".docx": _docx,
}


def _imported(module: str) -> Any:
    """Import a reader's library. Raises MissingExtra."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra('PDF, HTML and Word files need an extra: pip install "dspy-programs[documents]"') from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

"""From a Word document to the text in it.

Guarantees whatever a reader sees is there, in order: paragraphs, tables of tables, content controls, text boxes, insertions
           that nobody has accepted yet, foot- and endnotes. What was deleted or moved away is not. Linear in the document.
Raises     DatasetError for what is no Word document, or is over `LARGEST` when unpacked; MissingExtra.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from dspy_programs.documents.extra import imported, one_line
from dspy_programs.errors import DatasetError

LARGEST = 100_000_000  # bytes
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PARAGRAPH, _TABLE, _ROW, _CELL = f"{_W}p", f"{_W}tbl", f"{_W}tr", f"{_W}tc"
_SIGNS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_GONE = {f"{_W}del", f"{_W}moveFrom", "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
_NOTES = ("footnotes", "endnotes")


def word_text(content: bytes, name: str) -> str:
    docx = imported("docx")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > LARGEST:
                raise DatasetError(f"{name}: over {LARGEST // 1_000_000} MB when unpacked")
        document = docx.Document(io.BytesIO(content))
        notes = [part.target_part.blob for part in document.part.rels.values() if part.reltype.rpartition("/")[2] in _NOTES]
        roots = [document.element.body, *map(imported("docx.oxml").parse_xml, notes)]
        return "\n".join(line for root in roots for line in _lines(root))
    except DatasetError:
        raise
    except Exception as error:  # a zip, XML or package that is none
        raise DatasetError(f"{name}: not a Word document, although named so: {one_line(error)}") from error


def _lines(element: Any) -> Iterator[str]:
    """Yield what stands on lines of its own below an element; libxml2 allows no more levels than Python."""
    for child in element:
        if child.tag == _PARAGRAPH:
            yield "".join(_pieces(child))
        elif child.tag == _TABLE:
            for row in _below(child, _ROW):
                yield " | ".join(" ".join(_lines(cell)) for cell in _below(row, _CELL))
        elif child.tag not in _GONE:
            yield from _lines(child)


def _below(element: Any, tag: str) -> Iterator[Any]:
    """Yield the nearest elements of a tag, as also content controls hold rows and cells."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag not in (_TABLE, *_GONE):
            yield from _below(child, tag)


def _pieces(paragraph: Any) -> Iterator[str]:
    """Yield the text of a paragraph; that of a box in it begins a line."""
    for child in paragraph:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in (_PARAGRAPH, _TABLE):
            yield "\n" + "\n".join(_lines([child])) + "\n"
        elif child.tag not in _GONE:
            yield _SIGNS.get(child.tag, "")
            yield from _pieces(child)

"""From a page of HTML to the text in it.

Guarantees linear in the page; scripts, styles and comments are left out. Its encoding is what its mark or its head says,
           else UTF-8, else that of old pages from the West.
Raises     DatasetError for what is no text in that encoding, or is nested more deeply than any page; MissingExtra.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Any

from dspy_programs.documents.extra import imported
from dspy_programs.errors import DatasetError

_BLOCKS = frozenset(  # what stands on lines of its own
    "address article aside blockquote br dd div dl dt figcaption footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre "
    "section table td th tr ul".split()
)
_UNSEEN = frozenset("script style noscript template title".split())
_HEAD = 1024  # bytes in which a page says its encoding, as HTML requires
_SAYS = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
_WESTERN = "cp1252"


def html_text(content: bytes, name: str) -> str:
    etree = imported("lxml.etree")
    text = _decoded(content, name)
    if "\0" in text:
        raise DatasetError(f"{name}: not HTML, but binary data")
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:  # nothing is in it
        if any(each.type_name == "ERR_RESOURCE_LIMIT" for each in parser.error_log):
            raise _too_deep(name) from error
        return ""
    if any(each.type_name == "ERR_RESOURCE_LIMIT" for each in parser.error_log):  # libxml2 leaves out the rest
        raise _too_deep(name)
    lines = (" ".join(line.split()) for line in "".join(_pieces(etree, root)).splitlines()) if root is not None else ()
    return "\n".join(line for line in lines if line)


def _too_deep(name: str) -> DatasetError:
    return DatasetError(f"{name}: HTML nested too deeply to be read whole; save its text as .txt")


def _pieces(etree: Any, root: Any) -> Iterator[str]:
    unseen = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if element.tag in _UNSEEN:
            unseen += 1 if event == "start" else -1
        if element.tag in _BLOCKS:
            yield "\n"
        if not unseen:
            yield (element.text if event == "start" else element.tail) or ""


def _decoded(content: bytes, name: str) -> str:
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    marked = next((encoding for mark, encoding in marks.items() if content.startswith(mark)), "")
    said = _SAYS.search(content[:_HEAD])
    told = marked or (said[1].decode("ascii") if said else "")
    for encoding in (told,) if told else ("utf-8", _WESTERN):
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    raise DatasetError(f"{name}: not text in {told or 'UTF-8'}; convert it, as with iconv -t utf-8")

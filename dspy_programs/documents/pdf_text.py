"""From a PDF to the text in it, page by page.

Guarantees nothing in it is run or fetched; pages without text are named.
Raises     DatasetError for what is no PDF, is damaged, or needs a password; MissingExtra.
"""

import io
import logging

from dspy_programs.documents.extra import imported, one_line
from dspy_programs.errors import DatasetError

LARGEST = 100_000_000  # characters; pages may share what they show
_MOST_NAMED = 10  # pages


def pdf_text(content: bytes, name: str) -> tuple[str, str]:
    """Return the text, and which pages have none: "" if all do."""
    pypdf = imported("pypdf")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it mends in a file is nothing to a reader
    if b"%PDF-" not in content[:1024]:
        raise DatasetError(f"{name}: not a PDF, although named so")
    left = LARGEST
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DatasetError(f"{name}: the PDF needs a password; save it without one")
        pages: list[str] = []
        for page in reader.pages:
            pages.append(page.extract_text())
            left -= len(pages[-1])
            if left < 0:
                raise DatasetError(f"{name}: over {LARGEST // 1_000_000} MB of text; split it, and ingest the parts")
    except DatasetError:
        raise
    except Exception as error:  # pypdf raises errors of many kinds for a damaged file
        raise DatasetError(f"{name}: a damaged PDF: {one_line(error)}") from error
    return "\n\n".join(pages), _without_text([number for number, page in enumerate(pages, 1) if not page.strip()])


def _without_text(pages: list[int]) -> str:
    if not pages:
        return ""
    named = ", ".join(map(str, pages[:_MOST_NAMED])) + (f" and {len(pages) - _MOST_NAMED} more" if pages[_MOST_NAMED:] else "")
    return f"page{'s' * (len(pages) > 1)} {named}: no text, as of a scan"

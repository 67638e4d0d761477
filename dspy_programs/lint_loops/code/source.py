"""The text of a Python file, whatever its encoding.

Python itself reads UTF-8, and other encodings that a comment declares. A file that breaks these rules is still worth
checking: the signs that make a loop are ASCII, so what is not UTF-8 is read as Latin-1, which never fails.
"""

import codecs
import io
import tokenize

_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"))
_WITH_MARK = (*_MARKS, (codecs.BOM_UTF16_BE, "utf-16"))


def text_of(data: bytes) -> str:
    """Decode a file: by its mark or its comment, else as UTF-8, else as Latin-1. Line ends become \\n."""
    for encoding in (*(name for mark, name in _WITH_MARK if data.startswith(mark)), _declared(data)):
        try:
            return _with_plain_ends(data.decode(encoding))
        except (UnicodeError, LookupError):
            continue
    return _with_plain_ends(data.decode("latin-1"))


def _declared(data: bytes) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except (SyntaxError, ValueError):
        return "utf-8-sig"


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

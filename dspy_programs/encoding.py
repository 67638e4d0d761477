"""Tell text from binary, and the encoding of a text, from a file's first bytes."""

import codecs

HEAD = 8192  # bytes that tell
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(head: bytes) -> str | None:
    """Return UTF-8, UTF-16 by its mark, or Windows-1252; None for a binary file."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"

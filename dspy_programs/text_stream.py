"""Bytes of a file as UTF-8, whatever Unicode they are in, and the JSON values in them.

Input      a binary stream in UTF-8 or UTF-16, with or without a byte order mark; for bytes_in and text_in, a path.
Output     bytes_in, text_in: a file of limited size. recoded: a stream of the same text in UTF-8. values_in: the values of a
           text, one behind the other, with or without line breaks between them; a broken one is a problem in its place, and
           reading goes on at the next line that starts an object, at most MOST_BROKEN times.
Guarantees memory and time are linear in the text.
Raises     UsageError for a file that cannot be read or is too large.
"""

import codecs
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from dspy_programs.errors import UsageError

MOST_BROKEN = 20
_UTF8_MARK = codecs.BOM_UTF8
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_DECODER = json.JSONDecoder(parse_constant=str)
_SPACE = " \t\r\n\ufeff\x1e"  # a record separator (RFC 7464) is none of a value either


class _Again(io.RawIOBase):
    """A stream with its first bytes, which were read already, put back."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self.first, self.rest = first, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.first:
            self.first = getattr(self.rest, "read1", self.rest.read)(len(buffer))  # what a pipe has now, not all of it
        piece, self.first = self.first[: len(buffer)], self.first[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


class _Utf8:
    """Lines of a text as UTF-8."""

    def __init__(self, text: io.TextIOWrapper, errors: str) -> None:
        self.text, self.errors = text, errors

    def readline(self, size: int = -1) -> bytes:
        return self.text.readline(size).encode("utf-8", self.errors)

    def read(self, size: int = -1) -> bytes:
        return self.text.read(size).encode("utf-8", self.errors)


def bytes_in(path: Path, largest: int, what: str) -> bytes:
    """Return a file's content. Raises UsageError if it cannot be read or has more than `largest` bytes; what: "a prompt"."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)  # a device never ends, and tells no size
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > largest:
        raise UsageError(f"{path}: larger than {largest:,} bytes; not {what}")
    return content


def text_in(path: Path, largest: int, what: str) -> str:
    """Return a file's text, its line breaks as \\n. Raises UsageError, also for what is not UTF-8."""
    try:
        text = bytes_in(path, largest, what).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start + 1} is not UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def recoded(stream: BinaryIO, by_mark: bool = False) -> BinaryIO:
    """Return the stream as UTF-8 without a mark.

    by_mark: guess nothing and mend nothing: without a mark it is UTF-8, and what is broken in UTF-16 is broken in UTF-8.
    """
    first = b""
    while len(first) < 4 and (piece := stream.read(4 - len(first))):
        first += piece
    mark = next((mark for mark in (_UTF8_MARK, *_MARKS) if first.startswith(mark)), b"")
    encoding = _MARKS.get(mark) or (None if by_mark else _utf16_without_mark(first))
    whole = io.BufferedReader(_Again(first.removeprefix(mark), stream), 1 << 16)
    if encoding is None:
        return cast(BinaryIO, whole)
    errors = "surrogatepass" if by_mark else "replace"
    return cast(BinaryIO, _Utf8(io.TextIOWrapper(whole, encoding, errors=errors, newline="\n"), errors))


def _utf16_without_mark(first: bytes) -> str | None:
    """Return the encoding of a text that begins with a character of ASCII, as all JSON does."""
    if len(first) < 2 or first[0] == first[1] or 0 not in first[:2]:
        return None
    return "utf-16-le" if first[1] == 0 else "utf-16-be"


def decode(content: bytes) -> tuple[Any, str | None]:
    """Return the JSON value in a text, or what is wrong with it."""
    try:
        return json.loads(content.decode("utf-8"), parse_constant=str), None
    except (ValueError, RecursionError) as error:
        return None, _problem(error)


def values_in(content: bytes) -> Iterator[tuple[Any, str | None]]:
    """Yield the JSON values in a text, or what is wrong with one."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        yield None, _problem(error)
        return
    place, broken = _behind_space(text, 0), 0
    while place < len(text):
        try:
            value, place = _DECODER.raw_decode(text, place)
            yield value, None
        except (ValueError, RecursionError) as error:
            yield None, _problem(error)
            broken += 1
            place = text.find("\n{", place + 1) + 1 if broken < MOST_BROKEN else 0
            if not place:
                return
        place = _behind_space(text, place)


def _behind_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in _SPACE:
        place += 1
    return place


def _problem(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte {error.start}"
    if isinstance(error, json.JSONDecodeError):
        place = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        return f"not JSON: {error.msg.removesuffix(' at')} at {place}"
    if isinstance(error, RecursionError):
        return "not read: nested too deeply"
    return f"not JSON: {error}"  # a number of thousands of digits

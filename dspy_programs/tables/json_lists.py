"""Rows of a JSON list, which is read piece by piece, or of an object of lists, which is read whole.

Guarantees a list of any length takes bounded memory.
"""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from dspy_programs.errors import DatasetError
from dspy_programs.tables.json_rows import STRICT, an_object, not_json, parsed, require_sendable
from dspy_programs.tables.lines import LONGEST_LINE, decoded, most_unpacked, opened, packed_too_well, place_of
from dspy_programs.tables.row import Fault, Found, tried

_LARGEST_JSON = 100_000_000  # bytes of an object, which must be read whole
_LARGEST_VALUE = 10 * LONGEST_LINE  # characters in a list, until it ends or is given up
_PIECE = 1 << 16  # bytes
_SPACE = " \t\r\n"
_ANYTHING = json.JSONDecoder(parse_constant=str, parse_int=str, parse_float=str)  # finds where a bad value ends


def is_lines(path: Path) -> bool:
    """Return whether the first line is a complete object and more follows: JSONL under another name."""
    with opened(path) as file:
        head = _behind_space(path, file)
        line, _, rest = (head if b"\n" in head else head + file.readline(LONGEST_LINE)).partition(b"\n")
        try:
            return isinstance(json.loads(line), dict) and bool((rest + file.read(_PIECE)).strip())
        except (ValueError, RecursionError):
            return False


def is_list(path: Path) -> bool:
    with opened(path) as file:
        return _behind_space(path, file).startswith(b"[")


def json_list(path: Path) -> Iterator[Found]:
    """Yield the rows of a list, or of an object with a list under `data`; also from standard input."""
    with opened(path) as file:
        head = _behind_space(path, file)
        if head.startswith(b"["):
            yield from _streamed(path, head, file)
            return
        lists = _lists_in(path, head, file)
    if "data" not in lists:
        raise no_rows(place_of(path))
    yield from listed(place_of(path), lists["data"])


def lists_of(path: Path) -> dict[str, list[Any]]:
    """Return the lists of an object by name."""
    with opened(path) as file:
        return _lists_in(path, _behind_space(path, file), file)


def _lists_in(path: Path, head: bytes, file: BinaryIO) -> dict[str, list[Any]]:
    data = head + file.read(_LARGEST_JSON + 1)
    if len(data) > _LARGEST_JSON:
        raise _too_large(path)
    place = place_of(path)
    value = parsed(place, decoded(place, data, _LARGEST_JSON))
    return {name: rows for name, rows in value.items() if isinstance(rows, list)} if isinstance(value, dict) else {}


def no_rows(place: str) -> DatasetError:
    return DatasetError(f"{place}: give a list of rows, or an object with one under data, or one each under train and test")


def _too_large(path: Path) -> DatasetError:
    return DatasetError(f"{place_of(path)}: larger than {_LARGEST_JSON:,} bytes; save it as JSONL, one row per line")


def _behind_space(path: Path, file: BinaryIO) -> bytes:
    """Return the first piece of a file that is not only white space, without that; nothing if there is none."""
    skipped = 0
    while piece := file.read(_PIECE):
        if head := piece.lstrip():
            return head
        if (skipped := skipped + len(piece)) > _LARGEST_JSON:
            raise _too_large(path)
    return b""


def listed(place: str, values: list[Any], of: str = "") -> Iterator[Found]:
    for number, value in enumerate(values, 1):
        where = f"{place}: row {number}{of}"
        yield tried(where, number, value, an_object, value)


# A list that may be longer than memory -------------------------------------------------------------------------------------


def _streamed(path: Path, head: bytes, file: BinaryIO) -> Iterator[Found]:
    """Yield the rows of a list that begins with `head`. A bad value that ends is a fault; a torn one ends the list."""
    text = _Text(path, head, file)
    sign, number = text.next_sign(behind="["), 1
    while sign != "]":
        yield text.row(number)
        sign = text.next_sign()
        if sign == ",":
            sign = text.next_sign(behind=",")
            if sign == "]":
                raise text.torn("a comma before the end of the list")
        elif sign != "]":
            raise text.torn(f"no comma and no end of the list after row {number}")
        number += 1
    if text.next_sign(behind="]"):
        raise text.torn("more text after the end of the list")


class _Text:
    """A JSON text, of which a piece is in memory."""

    def __init__(self, path: Path, head: bytes, file: BinaryIO) -> None:
        self.place, self.file = place_of(path), file
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.most, self.read = most_unpacked(path), 0
        self.path = path
        self.at, self.text = 0, ""
        self._add(head)

    def torn(self, why: str) -> DatasetError:
        return DatasetError(f"{self.place}: row: not JSON: {why}")

    def more(self) -> bool:
        """Read on, as much again as is in memory; return whether there was more."""
        piece = self.file.read(max(_PIECE, len(self.text) - self.at))
        self._add(piece)
        return bool(piece)

    def _add(self, piece: bytes) -> None:
        self.read += len(piece)
        if self.read > self.most:
            raise packed_too_well(self.path)
        try:
            self.text, self.at = self.text[self.at :] + self.decoder.decode(piece, final=not piece), 0
        except UnicodeDecodeError as error:
            byte = self.read - len(piece) + error.start + 1
            raise DatasetError(f"{self.place}: row: about byte {byte:,} is not UTF-8; save the file as UTF-8") from error

    def next_sign(self, behind: str = "") -> str:
        """Return the next character that is no white space, without passing it; "" at the end. behind: what is passed first."""
        self.at += len(behind)
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.text) or not self.more():
                return self.text[self.at : self.at + 1]

    def row(self, number: int) -> Found:
        where = f"{self.place}: row {number}"
        try:
            value, end = self._value(STRICT, number)
        except RecursionError as error:
            raise not_json(self.place, error) from error
        except ValueError as error:  # NaN, a key twice, a number of thousands of digits
            end = self._value(_ANYTHING, number)[1]
            text, self.at = self.text[self.at : end], end
            return Fault(where, number, not_json(where, error), text[:500])
        text, self.at = self.text[self.at : end], end
        return tried(where, number, text, _fields_of, value, text)

    def _value(self, decoder: json.JSONDecoder, number: int) -> tuple[Any, int]:
        """Return the value that begins here, and where it ends."""
        while True:
            try:
                value, end = decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                if len(self.text) - self.at <= _LARGEST_VALUE and self.more():
                    continue
                raise self.torn(f"{error.msg.removesuffix(' at')}, in row {number}") from error
            if end < len(self.text) or not self.more():
                return value, end


def _fields_of(where: str, value: Any, text: str) -> dict[str, Any]:
    if len(text) > LONGEST_LINE:
        raise DatasetError(f"{where}: row: longer than {LONGEST_LINE:,} characters")
    try:
        require_sendable(value, text)
    except ValueError as error:
        raise not_json(where, error) from error
    return an_object(where, value)

"""A row, or what is wrong with it, each with its location in the file.

Guarantees a row that cannot be used is a value like any other: who reads decides whether it ends the reading (`strictly`) or
           is put aside.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError

WHOLE = ""  # the name for rows without a split
LONGEST_TEXT = 500  # characters of a bad row that are kept


class Row(NamedTuple):
    """where: "file:line" or "file: row N", for messages; number: the line or N; fields: the row's fields by name."""

    where: str
    number: int
    fields: dict[str, Any]


class Fault(NamedTuple):
    """A row that cannot be used. where, number: as of a Row; error: what is wrong; text: how the row begins."""

    where: str
    number: int
    error: DatasetError
    text: str

    @property
    def reason(self) -> str:
        """What is wrong, without the place."""
        return str(self.error).removeprefix(f"{self.where}: ").removeprefix("row: ")


Found = Row | Fault
Tables = dict[str, Iterable[Row]]
"""Rows by split name; rows without a split under WHOLE."""


class Cell(str):
    """The text of a CSV cell. Its meaning depends on its field: text, JSON, or None if it is empty."""


def strictly(found: Iterable[Found]) -> Iterator[Row]:
    """Yield the rows. Raises DatasetError at the first that cannot be used."""
    for each in found:
        if isinstance(each, Fault):
            raise each.error
        yield each


def tried(where: str, number: int, text: object, fields_of: Callable[..., dict[str, Any]], *source: Any) -> Found:
    """Return a row with fields_of(where, *source), or the fault in it. text: what it is made from, for the fault."""
    try:
        return Row(where, number, fields_of(where, *source))
    except DatasetError as error:
        return Fault(where, number, error, _beginning(text))


def _beginning(text: object) -> str:
    if isinstance(text, bytes):
        return text[:LONGEST_TEXT].decode("utf-8", "replace")
    return (text if isinstance(text, str) else repr(text))[:LONGEST_TEXT].encode("utf-8", "replace").decode()


@contextmanager
def foreign(place: object, done: str = "read", advice: str = "") -> Iterator[None]:
    """Turn whatever a library raises on an unexpected file into one line."""
    try:
        yield
    except Exception as error:  # undocumented: Arrow's own, KeyError, TypeError, HTTP errors, a missing decoder
        raise DatasetError(f"{place}: cannot be {done}: {one_line(error).rstrip('.')}{advice}") from error


def one_line(text: object, longest: int = 300) -> str:
    """Return a file's or library's message as part of one line."""
    return " ".join(str(text).split())[:longest] or type(text).__name__

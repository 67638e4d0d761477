"""Rows of CSV and TSV below a header line.

Guarantees a stray quote spoils its own line: when the record that it begins does not end well, the lines behind it are read
           again.
"""

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError
from dspy_programs.tables.lines import LONGEST_LINE, decoded, lines_of, place_of
from dspy_programs.tables.row import Cell, Fault, Found, one_line, tried

MOST_COLUMNS = 1000


def csv_rows(path: Path, delimiter: str = "") -> Iterator[Found]:
    """Yield the rows below a header line. delimiter: by default the most frequent in the header of , ; tab |.

    Spreadsheets write a semicolon where the comma is the decimal separator. A quoted cell may contain line breaks.
    """
    csv.field_size_limit(LONGEST_LINE)  # for the process, because the default of 131,072 is too small for a long trace
    place, names = place_of(path), list[str]()
    for record in _records(path, delimiter):
        where = f"{place}:{record.number}"
        if record.error:
            if not names:
                raise record.error
            yield Fault(where, record.number, record.error, record.text)
        elif not names:
            names = sound(where, [cell.strip() for cell in record.cells])
        elif "".join(record.cells).strip():
            yield tried(where, record.number, record.text, _named, names, record.cells)


class _Line(NamedTuple):
    number: int
    text: str
    error: DatasetError | None = None


class _Record(NamedTuple):
    number: int
    cells: list[str]
    text: str
    error: DatasetError | None = None


class _Lines:
    """The lines of a file for csv.reader; those that it took for a record can be given back."""

    def __init__(self, path: Path) -> None:
        self.lines = _decoded_lines(path)
        self.ahead: deque[_Line] = deque()
        self.taken: list[_Line] = []
        self.size = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.size > LONGEST_LINE:
            raise csv.Error(f"a row longer than {LONGEST_LINE:,} characters; is a quote never closed?")
        line = self.ahead.popleft() if self.ahead else next(self.lines)
        self.taken.append(line)
        self.size += len(line.text)
        return line.text

    def first(self) -> str:
        """Return the first line that is not blank, without taking it."""
        for line in self.lines:
            if line.text.strip() or line.error:
                self.ahead.append(line)
                return line.text
        return ""

    def begin(self) -> None:
        self.taken, self.size = [], 0

    def give_back(self, lines: list[_Line]) -> None:
        self.ahead.extendleft(reversed(lines))


def _decoded_lines(path: Path) -> Iterator[_Line]:
    place = place_of(path)
    for number, line in lines_of(path):
        try:
            yield _Line(number, decoded(f"{place}:{number}", line))
        except DatasetError as error:  # its quotes still count, unless it was cut
            text = line.decode("utf-8", "replace") if len(line) <= LONGEST_LINE else "\n"
            yield _Line(number, text.replace("\0", " "), error)


def _records(path: Path, delimiter: str) -> Iterator[_Record]:
    lines = _Lines(path)
    first = lines.first()
    reader = csv.reader(lines, delimiter=delimiter or max(",;\t|", key=first.count), strict=True)
    while True:
        lines.begin()
        error, cells = None, list[str]()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            lines.give_back(lines.taken[1:])
            del lines.taken[1:]
            number = lines.taken[0].number
            ends = "its lines end in CR only, save it with LF" if "new-line" in str(problem) else one_line(problem)
            error = DatasetError(f"{place_of(path)}:{number}: row: not CSV: {ends}")
            error.__cause__ = problem
        spoilt = next((line.error for line in lines.taken if line.error), None)
        text = "".join(line.text for line in lines.taken)[:500]
        yield _Record(lines.taken[0].number, cells, text, spoilt or error)


def sound(where: str, names: list[str]) -> list[str]:
    """Return the column names, if they are valid."""
    if len(names) > MOST_COLUMNS:
        raise DatasetError(f"{where}: row: {len(names):,} columns; the limit is {MOST_COLUMNS:,}")
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise DatasetError(f"{where}: {one_line(twice)}: two columns have this name")
    return names


def _named(where: str, names: list[str], cells: list[str]) -> dict[str, Any]:
    if "".join(cells[len(names) :]).strip():
        raise DatasetError(f"{where}: row: {len(cells)} cells for {len(names)} columns; is a cell with a comma not quoted?")
    if len(cells) < len(names):
        raise DatasetError(f"{where}: {one_line(names[len(cells)])}: missing; {len(cells)} cells for {len(names)} columns")
    named = {name: Cell(cell) for name, cell in zip(names, cells, strict=False) if name or cell}
    if "" in named:
        raise DatasetError(
            f"{where}: row: column {names.index('') + 1} has no name; name it, or omit it in pandas with index=False"
        )
    return named

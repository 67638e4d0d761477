"""Rows of data from a file, a folder or the Hub, in every common format."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.tables.files import (
        ELSEWHERE as ELSEWHERE,
        LONGEST_LINE as LONGEST_LINE,
        MOST_COLUMNS as MOST_COLUMNS,
        WHOLE as WHOLE,
        Cell as Cell,
        Row as Row,
        Tables as Tables,
        one_line as one_line,
        refused as refused,
        rows_in as rows_in,
    )
    from dspy_programs.tables.places import tables_at as tables_at

_HOMES = {
    "Cell": "files",
    "ELSEWHERE": "files",
    "LONGEST_LINE": "files",
    "MOST_COLUMNS": "files",
    "Row": "files",
    "Tables": "files",
    "WHOLE": "files",
    "one_line": "files",
    "refused": "files",
    "rows_in": "files",
    "tables_at": "places",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""Rows of data from a file, a folder or the Hub, in every common format."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.tables.delimited import MOST_COLUMNS as MOST_COLUMNS
    from dspy_programs.tables.files import (
        ELSEWHERE as ELSEWHERE,
        FORMATS as FORMATS,
        ending_of as ending_of,
        rows_and_faults as rows_and_faults,
        rows_in as rows_in,
    )
    from dspy_programs.tables.json_rows import refused as refused
    from dspy_programs.tables.lines import LONGEST_LINE as LONGEST_LINE, STANDARD as STANDARD
    from dspy_programs.tables.places import is_saved as is_saved, saved_or_hub as saved_or_hub, tables_at as tables_at
    from dspy_programs.tables.row import (
        WHOLE as WHOLE,
        Cell as Cell,
        Fault as Fault,
        Found as Found,
        Row as Row,
        Tables as Tables,
        one_line as one_line,
    )

_HOMES = {
    "Cell": "row",
    "ELSEWHERE": "files",
    "FORMATS": "files",
    "Fault": "row",
    "Found": "row",
    "LONGEST_LINE": "lines",
    "MOST_COLUMNS": "delimited",
    "Row": "row",
    "STANDARD": "lines",
    "Tables": "row",
    "WHOLE": "row",
    "ending_of": "files",
    "is_saved": "places",
    "one_line": "row",
    "refused": "json_rows",
    "rows_and_faults": "files",
    "rows_in": "files",
    "saved_or_hub": "places",
    "tables_at": "places",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

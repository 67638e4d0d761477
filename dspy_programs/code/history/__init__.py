"""Rows to train on, out of a repository's own commits, logs and definitions."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.code.history.making import FOLDER as FOLDER, Made as Made, make_rows as make_rows

_HOMES = {"FOLDER": "making", "Made": "making", "make_rows": "making"}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

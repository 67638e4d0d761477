"""Rows that are given in Python, as people have them for DSPy: lists of dspy.Example, or of dicts, by split."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import dspy
from pydantic import TypeAdapter

from dspy_programs.errors import DatasetError
from optimizers.fields import Fields
from optimizers.row_files import Row, Tables

Given: TypeAlias = Mapping[str, Sequence[dspy.Example | Mapping[str, Any]]]


def tables_given(given: Given) -> Tables:
    """Return the rows by split. Raises DatasetError for what is no row, and for a split that is given without any."""
    tables = {split: list(rows_given(split, rows)) for split, rows in given.items()}
    if empty := [split for split, rows in tables.items() if not rows]:
        raise DatasetError(f"{empty[0]}: there are no rows in it" + ("" if empty[0] == "train" else "; leave it out"))
    return dict(tables)


def rows_given(split: str, rows: Sequence[dspy.Example | Mapping[str, Any]]) -> Iterator[Row]:
    for number, row in enumerate([rows] if isinstance(rows, str) else rows, 1):
        if not isinstance(row, (dspy.Example, Mapping)):
            raise DatasetError(
                f"{split}: row {number}: a dict or a dspy.Example is needed, not {type(row).__name__}; "
                "a file goes to --data or Recipe(data=...), of a table give its rows: to_dict('records')"
            )
        yield Row(f"{split}: row {number}", number, dict(row.toDict() if isinstance(row, dspy.Example) else row))


def as_marked(fields: Fields, given: Given) -> Fields:
    """Take the inputs that the examples themselves mark, where the program does not say which it takes."""
    rows = [row for rows in given.values() if isinstance(rows, (list, tuple)) for row in rows if isinstance(row, dspy.Example)]
    if fields.inputs or not rows or not rows[0]._input_keys:
        return fields
    return replace(fields, inputs={name: TypeAdapter(Any) for name in rows[0].inputs().keys()})

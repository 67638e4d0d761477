"""Rows passed in Python, as usual for DSPy: lists of dspy.Example or dicts, by split."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import dspy
from pydantic import TypeAdapter

from dspy_programs.errors import DatasetError
from dspy_programs.tables import Row, Tables, one_line
from optimizers.data.fields import Fields
from optimizers.data.splits import as_text

Given: TypeAlias = Mapping[str, Sequence[dspy.Example | Mapping[str, Any]]]


def tables_given(given: Given) -> Tables:
    """Return the rows by split. Raises DatasetError for an invalid row, and for an empty split."""
    tables = {split: list(_rows_given(split, rows)) for split, rows in given.items()}
    if empty := [split for split, rows in tables.items() if not rows]:
        raise DatasetError(f"{empty[0]}: no rows; " + ("give some" if empty[0] == "train" else "omit it"))
    return dict(tables)


def _rows_given(split: str, rows: Sequence[dspy.Example | Mapping[str, Any]]) -> Iterator[Row]:
    for number, row in enumerate([rows] if isinstance(rows, str) else rows, 1):
        if not isinstance(row, (dspy.Example, Mapping)):
            raise DatasetError(
                f"{split}: row {number}: must be a dict or a dspy.Example, not {type(row).__name__}; "
                "give a file with --data or Recipe(data=...), and a table as its rows: to_dict('records')"
            )
        where = f"{split}: row {number}"
        yield Row(where, number, _own_fields(where, row))


def _own_fields(where: str, row: dspy.Example | Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a row's fields, which can be compared with other rows' and sent to a model. Raises DatasetError."""
    place = where
    try:
        fields = copy.deepcopy(dict(row.toDict() if isinstance(row, dspy.Example) else row))
        for name, value in fields.items():
            place = f"{where}: {one_line(name, 60)}"
            if not isinstance(name, str):
                raise DatasetError(f"{place}: the name of a field must be text")
            as_text({name: value}).encode()
    except UnicodeEncodeError as error:
        raise DatasetError(f"{place}: half a surrogate pair, which no model can receive: {one_line(error)}") from error
    except (TypeError, ValueError, RecursionError) as error:  # a lock, keys of several types, a cycle, endless nesting
        raise DatasetError(f"{place}: cannot be copied and compared with other rows: {one_line(error)}") from error
    return fields


def as_marked(fields: Fields, given: Given) -> Fields:
    """Use the inputs marked in the examples if the program does not declare its own."""
    rows = [row for rows in given.values() if isinstance(rows, (list, tuple)) for row in rows if isinstance(row, dspy.Example)]
    if fields.inputs or not rows or not rows[0]._input_keys:
        return fields
    return replace(fields, inputs={name: TypeAdapter(Any) for name in rows[0].inputs().keys()})

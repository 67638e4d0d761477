"""Rows of Parquet and other Arrow data as plain JSON values."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.tables.delimited import sound
from dspy_programs.tables.row import Found, foreign, one_line, tried

_BATCH = 64  # rows of Parquet at a time


def parquet_rows(path: Path) -> Iterator[Found]:
    import pyarrow.parquet

    with foreign(path):
        file = pyarrow.parquet.ParquetFile(path, memory_map=True)
        names = file.schema_arrow.names
    sound(str(path), names)
    batches = file.iter_batches(batch_size=_BATCH)
    yield from arrow_rows(path, (row for batch in batches for row in batch.to_pylist()))


def arrow_rows(place: object, rows: Iterable[Mapping[str, Any]]) -> Iterator[Found]:
    """Yield Arrow rows as plain JSON values."""
    iterator = iter(rows)
    for number in itertools.count(1):
        with foreign(place):
            row = next(iterator, None)
        if row is None:
            return
        where = f"{place}: row {number}"
        yield tried(where, number, row, _plain_fields, row)


def _plain_fields(where: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): _plain_field(where, name, value) for name, value in row.items()}


def _plain_field(where: str, name: str, value: Any) -> Any:
    try:
        return to_jsonable(value)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: {one_line(name)}: {error}") from error


def to_jsonable(value: Any) -> Any:
    """Return a value as plain JSON: a date as text, a decimal as a number. Raises ValueError for values JSON cannot represent.

    A null in an object is dropped: Arrow gives every row the fields of all rows, so it only means that there was none.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            if not math.isfinite(value):
                raise ValueError(f"{value} is not JSON".replace("nan", "NaN"))
            return float(value)
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return [to_jsonable(each) for each in value]
        case dict():
            return {str(name): to_jsonable(each) for name, each in value.items() if each is not None}
    raise ValueError(f"a value of type {type(value).__name__}, which JSON cannot represent")

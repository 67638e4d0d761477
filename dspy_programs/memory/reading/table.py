"""Records with the same fields as rows: the column names, and the values that all rows share, are given once.

Input      the items of a list.
Output     table_of: a label with the columns, the rows, and the columns whose texts are too long for a row; None if the items
           have no column in common.
"""

from collections.abc import Sequence
from typing import Any

from dspy_programs.memory.reading.compact import compact, key_of

_MOST_COLUMNS = 40
_LEFT_OUT = "..."
_NONE = object()


def table_of(rows: Sequence[Any]) -> tuple[str, list[str], list[str]] | None:
    """Return the columns that all rows have, each row without them, and the columns whose texts are too long for a row.

    What only some rows have stands in these with its name. None if the rows have no column in common.
    """
    if len(rows) < 2 or not all(isinstance(row, dict) for row in rows):
        return None
    shapes = [_fields_in(row) for row in rows]
    first, keys = rows[0], [key for key in rows[0] if all(shape.get(key, _NONE) == shapes[0][key] for shape in shapes)]
    if not keys or any(shape is None for each in shapes for shape in each.values()):
        return None
    same = [key for key in keys if all(row[key] == first[key] for row in rows[1:])]
    if len(same) == len(keys):
        same = []
    cells = {key: [_cell(row[key]) for row in rows] for key in keys if key not in same}
    long = [key for key in cells if None in cells[key] and all(isinstance(row[key], str) for row in rows)]
    told = [key for key in cells if key not in long]
    if not told or any(None in cells[key] for key in told):
        return None
    header = ", ".join(_column(key, first[key]) for key in told)
    header += f"; all {', '.join(f'{key_of(key)}: {compact(first[key]) or _LEFT_OUT}' for key in same)}" if same else ""
    texts = []
    for place, row in enumerate(rows):
        own = [f"{key_of(key)}: {_cell(row[key]) or _LEFT_OUT}" for key in row if key not in keys]
        texts.append(f"({', '.join([*(str(cells[key][place]) for key in told), *own])})")
    return f"({header})", texts, long


def _fields_in(row: dict[str, Any]) -> dict[str, object]:
    """Return the shape of each field; a row of too many fields has none that can be shared."""
    return {key: _shape(value, 1) for key, value in row.items()} if len(row) <= _MOST_COLUMNS else {"": None}


def _shape(value: Any, depth: int = 0) -> object:
    """Return what must be alike for two values to share one label; None if it cannot."""
    if not isinstance(value, dict):
        return "list" if isinstance(value, list) else ""
    if len(value) > _MOST_COLUMNS or depth > 1:
        return None
    inner = tuple((key, _shape(each, depth + 1)) for key, each in value.items())
    return None if any(shape is None for _, shape in inner) else inner


def _column(key: str, value: Any) -> str:
    return f"{key_of(key)} {{{', '.join(map(key_of, value))}}}" if isinstance(value, dict) and value else key_of(key) or "key"


def _cell(value: Any) -> str | None:
    if isinstance(value, dict) and value:
        texts = [compact(each) for each in value.values()]
        return None if None in texts else f"{{{', '.join(map(str, texts))}}}"
    return compact(value)

"""Which fields rows have, and of what type: a number for each combination, so that a row is one number.

Rows of one data set have few shapes. A data set with more than 20,000 has no fields worth the name, so the rest share one.
"""

from collections.abc import Mapping
from typing import Any

_MOST = 20_000
_MOST_FIELDS = 500  # of a row
Shape = tuple[tuple[str, str], ...]
OTHER = 0  # number of the shape of all that are too many
EMPTY, NULL = "empty", "null"
_TYPES = {str: "text", bool: "true or false", int: "number", float: "number", list: "list", dict: "object", type(None): NULL}


class Shapes:
    def __init__(self) -> None:
        self.known: dict[Shape, int] = {(): OTHER}

    def number_of(self, row: Mapping[str, Any]) -> int:
        """Return the number of a row's shape."""
        if len(row) > _MOST_FIELDS:
            return OTHER
        shape = tuple([(name, type_of(value)) for name, value in row.items()])
        number = self.known.get(shape)
        if number is None:
            number = OTHER if len(self.known) >= _MOST else len(self.known)
            if number:
                self.known[shape] = number
        return number

    def listed(self) -> list[dict[str, str]]:
        """Return each shape by its number, as field -> type."""
        return [dict(shape) for shape in self.known]


def type_of(value: object) -> str:
    """Return the type of a JSON value in words: `empty` for text without a letter, a list or an object without anything."""
    if isinstance(value, str):
        return "text" if value and not value.isspace() else EMPTY
    if isinstance(value, (list, dict)) and not value:
        return EMPTY
    return _TYPES.get(type(value), "text")

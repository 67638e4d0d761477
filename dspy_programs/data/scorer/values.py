"""Values that few rows differ in: labels, and answers that are one of a few choices.

A `category`, `topic` or `source` says what a row is about; it is no class label, and nobody learns to predict it. Only what is
named as a label is taken for one, or the column that the user names.
"""

import re
from collections.abc import Mapping
from typing import Any

LABELS = ("label", "labels", "class", "target", "intent", "sentiment", "gold_label", "class_label")
NONE = -1  # number of a row without a value
TOO_MANY = -2
_MOST = 5000  # different values; more are no classes
_LONGEST = 60  # characters of a label
_NO_LABEL = re.compile(r"[\n{}]")  # a template, or a text
_LONGEST_CHOICE, _MOST_WORDS = 30, 4  # of an answer that is a choice


class Values:
    """Gives each value a number."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def number_of(self, value: str) -> int:
        """Return the number of a value, TOO_MANY for one beyond the first 5,000."""
        number = self.known.get(value)
        if number is None:
            if len(self.known) >= _MOST:
                return TOO_MANY
            number = self.known[value] = len(self.known)
        return number


def label_in(row: Mapping[str, Any], column: str | None) -> str | None:
    """Return the label of a row as text, None if it has none. column: its name, None to find it, "" for no label."""
    if column == "":
        return None
    name = column if column is not None else next((name for name in row if name.lower() in LABELS), None)
    value = row.get(name) if name is not None else None
    if isinstance(value, bool) or isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        return None
    return None if _NO_LABEL.search(value.strip()) else value


def short_answer(answer: str) -> str | None:
    """Return an answer that may be one of a few choices."""
    plain = answer.strip()
    return plain if plain and len(plain) <= _LONGEST_CHOICE and len(plain.split()) <= _MOST_WORDS else None

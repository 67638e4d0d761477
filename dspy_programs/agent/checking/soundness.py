"""Files that cannot be right whatever they were to hold: a table whose rows do not fit its header, unreadable JSON or code.

Output     "" for a file that may be right, else what is wrong with it, in one line. What was wrong before is nobody's fault.
"""

import csv
import json
import tomllib

from dspy_programs.text import shortened

_TABLES = (".csv", ".tsv")
_DELIMITERS = ",;\t|"
_SHOWN = 80  # characters of an error


def unsound(path: str, text: str, before: str | None = None) -> str:
    """Return what is wrong with a new or changed file. before: its text then, None for a new one."""
    fault = _fault_of(path, text)
    return "" if not fault or (before is not None and _fault_of(path, before)) else f"{path}: {shortened(fault, _SHOWN)}"


def _fault_of(path: str, text: str) -> str:
    try:
        if path.endswith(".json"):
            json.loads(text)
        elif path.endswith(".toml"):
            tomllib.loads(text)
        elif path.endswith(".py"):
            compile(text, path, "exec", dont_inherit=True)
        elif path.endswith(_TABLES):
            return _ragged(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        return f"cannot be read: {error}"
    return ""


def _ragged(text: str) -> str:
    """Return which row of a table is longer or shorter than its header. A list of one column has none."""
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    except csv.Error:
        return ""
    for number, row in enumerate(rows[1:], start=2):
        if len(rows[0]) > 1 and len(row) != len(rows[0]):
            return f"row {number} has {len(row)} cells, and the header {len(rows[0])}"
    return ""

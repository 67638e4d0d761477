"""Reads a file of rows in any common format into plain objects, each with its location in the file.

Read       JSONL (.jsonl, .ndjson, or an unknown suffix), JSON (.json: a list, or an object of lists), CSV and TSV, each also
           compressed (.gz), and Parquet. Rows come one at a time, so the first few of a large file cost little; only a .json
           with an object in it must be read whole. Text is UTF-8, or UTF-16 with a byte order mark.
Guarantees whatever the file, a row is valid JSON data, in bounded memory; anything else is a one-line DatasetError, or a
           Fault in the row's place.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dspy_programs.errors import DatasetError
from dspy_programs.tables.arrow import parquet_rows
from dspy_programs.tables.delimited import csv_rows
from dspy_programs.tables.json_lists import is_lines, is_list, json_list, listed, lists_of, no_rows
from dspy_programs.tables.json_rows import json_lines
from dspy_programs.tables.lines import STANDARD
from dspy_programs.tables.row import WHOLE, Found, Row, Tables, strictly

TEXTS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
FORMATS = (*TEXTS, *(f"{ending}.gz" for ending in TEXTS), ".parquet")
_WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")
ELSEWHERE = ("transfer_val", "transfer_test")  # rows from other sources: to choose by, and to report
_SPLIT_NAMES = {
    "train": "train",
    **dict.fromkeys(("val", "validation", "valid", "dev", "eval"), "val"),
    "test": "test",
    **{split: split for split in ELSEWHERE},
}
"""Common names of splits -> their names here."""


def rows_in(path: Path) -> Iterator[Row]:
    """Yield the rows of a file in order. Raises DatasetError for one that is unreadable or has several splits."""
    yield from strictly(rows_and_faults(path))


def rows_and_faults(path: Path, ending: str | None = None) -> Iterator[Found]:
    """Yield the rows of a file in order, and what is wrong with those that cannot be used.

    path: "-" is standard input. ending: the format, as a suffix (".csv"), if the file's own does not say it.
    Raises DatasetError for a file that is unreadable as a whole or has several splits.
    """
    tables = _found_in(path, ending or ending_of(path).removesuffix(".gz"))
    if tables.keys() != {WHOLE}:
        raise DatasetError(f"{path}: has several splits ({', '.join(tables)}); give a file with one")
    yield from tables[WHOLE]


def tables_in(path: Path) -> Tables:
    """Return the rows of a file, by split if it is JSON with splits. Raises DatasetError."""
    return {split: strictly(found) for split, found in _found_in(path, ending_of(path).removesuffix(".gz")).items()}


def _found_in(path: Path, ending: str) -> dict[str, Iterable[Found]]:
    if path == STANDARD and ending == ".parquet":
        raise DatasetError("stdin: Parquet is read from its end, which a pipe does not allow; give a file")
    match ending:
        case ".parquet":
            return {WHOLE: parquet_rows(path)}
        case ".csv" | ".tsv":
            return {WHOLE: csv_rows(path, "\t" if ending == ".tsv" else "")}
        case ".json":
            return _json_tables(path) if os.path.isfile(path) else {WHOLE: json_list(path)}  # a pipe is read once
        case ending if ending in _WORKBOOKS:
            raise DatasetError(f"{path}: workbooks are not supported; save the sheet as CSV UTF-8")
    return {WHOLE: json_lines(path)}


def ending_of(path: Path) -> str:
    """Return the suffix that names the format: the last one, in lower case, or the last two with .gz."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def _json_tables(path: Path) -> dict[str, Iterable[Found]]:
    """Return the rows of a list, of {"data": list}, or of an object with a list per split; else of lines."""
    if is_list(path):
        return {WHOLE: json_list(path)}
    if is_lines(path):
        return {WHOLE: json_lines(path)}
    lists = lists_of(path)
    if splits := by_split(str(path), lists):
        return {split: listed(str(path), lists[name], f" of {name}") for split, name in splits.items()}
    if "data" in lists:
        return {WHOLE: listed(str(path), lists["data"])}
    raise no_rows(str(path))


def by_split(place: str, names: Iterable[str]) -> dict[str, str]:
    """Map each split to its name in `names`, ignoring the others. Raises DatasetError if two name the same split."""
    found: dict[str, str] = {}
    for name in names:
        split = _SPLIT_NAMES.get(Path(name).name.split(".")[0].lower())
        if split in found:
            raise DatasetError(f"{place}: {found[split]} and {name} are both rows of {split}; remove one")
        if split:
            found[split] = name
    return {split: found[split] for split in dict.fromkeys(_SPLIT_NAMES.values()) if split in found}

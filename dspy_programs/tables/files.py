"""Reads a file of rows in any common format into plain objects, each with its location in the file.

Read       JSONL (.jsonl, .ndjson, or an unknown suffix), JSON (.json: a list, or an object of lists), CSV and TSV, each also
           compressed (.gz), and Parquet. Rows come one at a time, so the first few of a large file cost little; only .json
           must be read whole.
Guarantees whatever the file, a row is valid JSON data, in bounded memory; anything else is a one-line DatasetError.
"""

import codecs
import csv
import gzip
import itertools
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from dspy_programs.errors import DatasetError

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
WHOLE = ""  # the name for rows without a split
LONGEST_LINE = 1_000_000  # bytes; any row that a model could read is far shorter
_LARGEST_JSON = 100_000_000  # bytes of a file that must be read whole
MOST_COLUMNS = 1000
PACKED = 200, 10_000_000  # maximum compression ratio of text, checked above this many bytes
_BATCH = 64  # rows of Parquet at a time


class Row(NamedTuple):
    """where: "file:line" or "file: row N", for messages; number: the line or N; fields: the row's fields by name."""

    where: str
    number: int
    fields: dict[str, Any]


Tables = dict[str, Iterable[Row]]
"""Rows by split name; rows without a split under WHOLE."""


class Cell(str):
    """The text of a CSV cell. Its meaning depends on its field: text, JSON, or None if it is empty."""


def rows_in(path: Path) -> Iterator[Row]:
    """Yield the rows of a file in order. Raises DatasetError for one that is unreadable or has several splits."""
    tables = tables_in(path)
    if tables.keys() != {WHOLE}:
        raise DatasetError(f"{path}: has several splits ({', '.join(tables)}); give a file with one")
    yield from tables[WHOLE]


def tables_in(path: Path) -> Tables:
    """Return the rows of a file, by split if it is JSON with splits. Raises DatasetError."""
    match ending_of(path).removesuffix(".gz"):
        case ".parquet":
            return {WHOLE: _parquet_rows(path)}
        case ".csv" | ".tsv" as ending:
            return {WHOLE: _csv_rows(path, "\t" if ending == ".tsv" else "")}
        case ".json":
            return _json_tables(path)
        case ending if ending in _WORKBOOKS:
            raise DatasetError(f"{path}: workbooks are not supported; save the sheet as CSV UTF-8")
    return {WHOLE: _json_lines(path)}


def ending_of(path: Path) -> str:
    """Return the suffix that names the format: the last one, in lower case, or the last two with .gz."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


# Lines of text -------------------------------------------------------------------------------------------------------------


def _text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number, line with its end) of a text file, compressed or not. A byte order mark is dropped."""
    ratio, floor = PACKED
    with opened(path) as file:
        most = max(floor, ratio * path.stat().st_size) if is_packed(path) else math.inf
        read = 0
        for number in itertools.count(1):
            line = file.readline(LONGEST_LINE + 2)
            if not line:
                return
            if (read := read + len(line)) > most:
                raise DatasetError(f"{path}: unpacks to more than {ratio} times its size; give it uncompressed")
            yield number, decoded(f"{path}:{number}", line, first=number == 1)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, compressed or not; errors while it is open become one line."""
    with reading(path), cast(BinaryIO, gzip.open(path)) if is_packed(path) else path.open("rb") as file:
        yield file


def is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


@contextmanager
def reading(place: object) -> Iterator[None]:
    """Turn errors of a file system or a compressed file into one line."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        raise DatasetError(f"{place}: cannot be read: {reason}") from error


def decoded(where: str, line: bytes, first: bool, longest: int = LONGEST_LINE) -> str:
    if first and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DatasetError(f"{where}: row: the file is UTF-16; save it as UTF-8")
    line = line.removeprefix(codecs.BOM_UTF8) if first else line
    if len(line) > longest:
        raise DatasetError(f"{where}: row: longer than {longest:,} bytes")
    if b"\0" in line:
        raise DatasetError(f"{where}: row: byte {line.index(0) + 1} is NUL, so this is not text; save the file as UTF-8")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{where}: row: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error


# JSON ----------------------------------------------------------------------------------------------------------------------


def _json_lines(path: Path) -> Iterator[Row]:
    """Yield one object per line; blank lines are skipped, CRLF works like LF."""
    for number, text in _text_lines(path):
        if text.strip():
            where = f"{path}:{number}"
            yield Row(
                where, number, _an_object(where, parsed(where, text.rstrip()), "; if the file is one list, name it .json")
            )


def _json_tables(path: Path) -> Tables:
    """Return the rows of a list, of {"data": list}, or of an object with a list per split; else of lines."""
    with opened(path) as file:
        data = file.read(_LARGEST_JSON + 1)
    if len(data) > _LARGEST_JSON:
        raise DatasetError(f"{path}: larger than {_LARGEST_JSON:,} bytes; save it as JSONL, one row per line")
    if _is_lines(data):
        return {WHOLE: _json_lines(path)}
    value = parsed(str(path), decoded(str(path), data, True, _LARGEST_JSON))
    if isinstance(value, list):
        return {WHOLE: listed(path, value)}
    lists = {name: rows for name, rows in value.items() if isinstance(rows, list)} if isinstance(value, dict) else {}
    splits = by_split(str(path), lists)
    if splits:
        return {split: listed(path, lists[name], f" of {name}") for split, name in splits.items()}
    if "data" in lists:
        return {WHOLE: listed(path, lists["data"])}
    raise DatasetError(f"{path}: give a list of rows, or an object with one under data, or one each under train and test")


def _is_lines(data: bytes) -> bool:
    """Return whether the first line is a complete object and more follows: JSONL under another name."""
    first, _, rest = data.strip().partition(b"\n")
    try:
        return bool(rest.strip()) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def listed(path: Path, values: Iterable[Any], of: str = "") -> Iterator[Row]:
    for number, value in enumerate(values, 1):
        where = f"{path}: row {number}{of}"
        yield Row(where, number, _an_object(where, value))


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


def parsed(where: str, text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=refused)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is JSON, but cannot be sent as text
    except json.JSONDecodeError as error:
        ends = "; its lines end in CR only, save it with LF" if "\r" in text and "\n" not in text else ""
        at = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise DatasetError(f"{where}: row: not JSON: {error.msg.removesuffix(' at')}, {at}{ends}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: row: not JSON: {one_line(error)}") from error
    return value


def refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _an_object(where: str, value: Any, advice: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        hint = advice if isinstance(value, list) else ""
        raise DatasetError(f"{where}: row: must be a JSON object, not {type(value).__name__}{hint}")
    return value


# CSV -----------------------------------------------------------------------------------------------------------------------


def _csv_rows(path: Path, delimiter: str = "") -> Iterator[Row]:
    """Yield the rows below a header line. delimiter: by default the most frequent in the header of , ; tab |.

    Spreadsheets write a semicolon where the comma is the decimal separator. A quoted cell may contain line breaks.
    """
    csv.field_size_limit(LONGEST_LINE)  # for the process, because the default of 131,072 is too small for a long trace
    lines = _text_lines(path)
    begins, first = next(((number, text) for number, text in lines if text.strip()), (1, ""))
    delimiter = delimiter or max(",;\t|", key=first.count)
    texts = itertools.chain([first], (text for _, text in lines))
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    names: list[str] = []
    for number, cells in numbered(path, reader, begins):
        if not names:
            names = sound(f"{path}:{number}", [cell.strip() for cell in cells])
        elif "".join(cells).strip():
            yield Row(f"{path}:{number}", number, _named_cells(f"{path}:{number}", names, cells))


def numbered(path: Path, reader: Any, begins: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row with the number of its first line. begins: the reader's first line."""
    while True:
        number = reader.line_num + begins
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            ends = "its lines end in CR only, save it with LF" if "new-line" in str(error) else one_line(error)
            raise DatasetError(f"{path}:{number}: row: not CSV: {ends}") from error
        yield number, cells


def sound(where: str, names: list[str]) -> list[str]:
    """Return the column names, if they are valid."""
    if len(names) > MOST_COLUMNS:
        raise DatasetError(f"{where}: row: {len(names):,} columns; the limit is {MOST_COLUMNS:,}")
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise DatasetError(f"{where}: {one_line(twice)}: two columns have this name")
    return names


def _named_cells(where: str, names: list[str], cells: list[str]) -> dict[str, Any]:
    if "".join(cells[len(names) :]).strip():
        raise DatasetError(f"{where}: row: {len(cells)} cells for {len(names)} columns; is a cell with a comma not quoted?")
    if len(cells) < len(names):
        raise DatasetError(f"{where}: {one_line(names[len(cells)])}: missing; {len(cells)} cells for {len(names)} columns")
    named = {name: Cell(cell) for name, cell in zip(names, cells, strict=False) if name or cell}
    if "" in named:
        raise DatasetError(
            f"{where}: row: column {names.index('') + 1} has no name; name it, or omit it in pandas with index=False"
        )
    return named


# Parquet, and other Arrow data ---------------------------------------------------------------------------------------------


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow.parquet

    with foreign(path):
        file = pyarrow.parquet.ParquetFile(path, memory_map=True)
        names = file.schema_arrow.names
    sound(str(path), names)
    batches = file.iter_batches(batch_size=_BATCH)
    return arrow_rows(path, (row for batch in batches for row in batch.to_pylist()))


def arrow_rows(place: object, rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield Arrow rows as plain JSON values."""
    iterator = iter(rows)
    for number in itertools.count(1):
        with foreign(place):
            row = next(iterator, None)
        if row is None:
            return
        where = f"{place}: row {number}"
        yield Row(where, number, {str(name): _plain_field(where, name, value) for name, value in row.items()})


@contextmanager
def foreign(place: object, done: str = "read", advice: str = "") -> Iterator[None]:
    """Turn whatever a library raises on an unexpected file into one line."""
    try:
        yield
    except Exception as error:  # undocumented: Arrow's own, KeyError, TypeError, HTTP errors, a missing decoder
        raise DatasetError(f"{place}: cannot be {done}: {one_line(error).rstrip('.')}{advice}") from error


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


def one_line(text: object, longest: int = 300) -> str:
    """Return a file's or library's message as part of one line."""
    return " ".join(str(text).split())[:longest] or type(text).__name__

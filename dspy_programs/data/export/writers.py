"""Rows into a file, one after the other: lines of JSON, a JSON list, CSV, Parquet. Each knows the digest of what it wrote."""

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from typing import IO, Any, Protocol

from dspy_programs.data.export.formats import as_json
from dspy_programs.jsonable import sound

_BREAKS = re.compile("[\x85\u2028\u2029]")
_BATCH = 2_000  # rows of Parquet in memory


class Writer(Protocol):
    """Takes rows, then an end."""

    def write(self, row: Mapping[str, Any]) -> None: ...

    def end(self) -> None: ...


class Hashed:
    """A file whose content is hashed on its way."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest, self.size = file, hashlib.sha256(), 0

    def write(self, content: bytes) -> int:
        content = bytes(content)
        self._file.write(content)
        self._digest.update(content)
        self.size += len(content)
        return len(content)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Whoever opened the file closes it."""

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


class Lines:
    def __init__(self, file: Hashed) -> None:
        self._file = file

    def write(self, row: Mapping[str, Any]) -> None:
        self._file.write(_one_line(as_json(row)).encode() + b"\n")

    def end(self) -> None:
        pass


class JsonList:
    def __init__(self, file: Hashed) -> None:
        self._file, self._before = file, b"[\n"

    def write(self, row: Mapping[str, Any]) -> None:
        self._file.write(self._before + as_json(row).encode())
        self._before = b",\n"

    def end(self) -> None:
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")


class Csv:
    def __init__(self, file: Hashed, columns: Sequence[str]) -> None:
        self._file, self._text = file, io.StringIO(newline="")
        self._rows = csv.DictWriter(self._text, columns, lineterminator="\n")
        self._rows.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        self._rows.writerow({name: sound(str(value)) for name, value in row.items()})
        self._flush()

    def end(self) -> None:
        self._flush()

    def _flush(self) -> None:
        self._file.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()


class Parquet:
    """columns: name -> "text", "number", "turns" (role, content and the rest of each), "said" (from, value) or "json"."""

    def __init__(self, file: Hashed, columns: Mapping[str, str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        turn = pa.struct([("role", pa.string()), ("content", pa.string())])
        said = pa.struct([("from", pa.string()), ("value", pa.string())])
        kinds = {"number": pa.int64(), "turns": pa.list_(turn), "said": pa.list_(said)}
        self._columns = columns
        self._schema = pa.schema([(name, kinds.get(kind, pa.string())) for name, kind in columns.items()])
        self._table = pa.Table.from_pylist
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, row: Mapping[str, Any]) -> None:
        self._rows.append({name: self._cell(kind, row.get(name)) for name, kind in self._columns.items()})
        if len(self._rows) >= _BATCH:
            self._flush()

    def end(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._table(self._rows, schema=self._schema))
            self._rows.clear()

    @staticmethod
    def _cell(kind: str, value: Any) -> Any:
        if kind == "json":
            return as_json(value or [])
        if kind == "turns":
            return [{"role": turn["role"], "content": _text(turn.get("content"))} for turn in value]
        if kind == "said":
            return [{"from": turn["from"], "value": _text(turn["value"])} for turn in value]
        return _text(value) if kind == "text" else value


def writer_for(container: str, file: Hashed, columns: Mapping[str, str]) -> Writer:
    """container: jsonl, json, csv or parquet."""
    if container == "parquet":
        return Parquet(file, columns)
    if container == "csv":
        return Csv(file, list(columns))
    return JsonList(file) if container == "json" else Lines(file)


def _one_line(text: str) -> str:
    """Return JSON whose strings have no line breaks of Unicode: JSON allows them, and many readers break lines there."""
    return text if text.isascii() else _BREAKS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _text(value: Any) -> str | None:
    return None if value is None else sound(value) if isinstance(value, str) else as_json(value)

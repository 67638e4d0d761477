"""Reads raw files; every error is a DatasetError that names the file and, if possible, the line."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; --raw must name the folder with the source's files") from error


def read_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error


def read_jsonl(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield ("file:line", value) for every line that is not blank."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            try:
                yield f"{path}:{number}", json.loads(line)
            except json.JSONDecodeError as error:
                raise DatasetError(f"{path}:{number}: not JSON: {error.msg}") from error


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(read_text(path).splitlines(keepends=True)))


def home(raw: Path, folder: str) -> Path:
    """Return where a source's own files are: in that folder of `raw`, or in `raw` itself if there is no such folder."""
    return raw / folder if (raw / folder).is_dir() else raw

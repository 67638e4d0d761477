"""The pairs of a data set, streamed from their file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from dspy_programs.data.pair import DataPair
from dspy_programs.errors import DatasetError, first_fault


def read_pairs(path: Path) -> Iterator[DataPair]:
    """Yield each pair. Raises DatasetError with the line of what is none: `ingest` writes no such line."""
    for _place, pair in placed_pairs(path):
        yield pair


def placed_pairs(path: Path) -> Iterator[tuple[int, DataPair]]:
    """Yield each pair with the byte where its line begins, as `read_pairs` does."""
    place = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield place, _pair_of(line, f"{path}:{number}")
            place += len(line)


def pair_at(path: Path, place: int) -> DataPair:
    """Return the pair whose line begins at a byte."""
    with path.open("rb") as lines:
        lines.seek(place)
        return _pair_of(lines.readline(), f"{path}: byte {place}")


def as_line(pair: DataPair) -> bytes:
    """Return a pair as a line of a file, without what it does not have."""
    try:
        return pair.model_dump_json(exclude_defaults=True).encode() + b"\n"
    except PydanticSerializationError:  # half of an emoji, which a careless cut leaves: no text file can hold it
        return json.dumps(_whole(pair.model_dump(exclude_defaults=True)), ensure_ascii=False).encode() + b"\n"


def _whole(value: Any) -> Any:
    """Return a value whose texts have `?` for what is no character."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(each) for key, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list) else value


def _pair_of(line: bytes, where: str) -> DataPair:
    try:
        return DataPair.model_validate_json(line)
    except ValidationError as error:
        raise DatasetError(f"{where}: {first_fault(error, 'the line')}") from None

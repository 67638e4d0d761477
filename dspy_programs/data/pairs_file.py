"""The pairs of a data set, streamed from their file."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

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
    return pair.model_dump_json(exclude_defaults=True).encode("utf-8", "replace") + b"\n"


def _pair_of(line: bytes, where: str) -> DataPair:
    try:
        return DataPair.model_validate_json(line)
    except ValidationError as error:
        raise DatasetError(f"{where}: {first_fault(error, 'the line')}") from None

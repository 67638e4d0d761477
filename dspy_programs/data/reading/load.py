"""The pairs of a JSONL file in memory, for scripts."""

from pathlib import Path

from pydantic import ValidationError

from dspy_programs.data.pair import DataPair
from dspy_programs.data.reading.not_taken import NotTaken
from dspy_programs.data.reading.shapes import Shaper
from dspy_programs.errors import DatasetError, first_fault
from dspy_programs.tables import Row, rows_in


def load_dataset_jsonl(path: str | Path) -> list[DataPair]:
    """Return the pairs of a file that `ingest` wrote, or of any JSON lines that it would take, with their ids.

    Raises DatasetError at the first line that is no pair. Duplicates stay. All are in memory: `read_pairs` streams.
    """
    shaper = Shaper({})
    return [pair_of(row, shaper) for row in rows_in(Path(path))]


def pair_of(row: Row, shaper: Shaper) -> DataPair:
    """Return a row's pair. Raises DatasetError for what is none."""
    try:
        if {"id", "instruction"} <= row.fields.keys() <= DataPair.model_fields.keys():
            return DataPair.model_validate(row.fields)
        return DataPair.model_validate(shaper.shaped(row.fields).fields).identified()
    except NotTaken as why:
        raise DatasetError(f"{row.where}: {why}") from why
    except ValidationError as error:
        raise DatasetError(f"{row.where}: {first_fault(error, 'the line')}") from error

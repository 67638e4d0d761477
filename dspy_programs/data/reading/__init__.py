"""Rows of any file, in any of the usual shapes, as the pairs of a data set; every row that is not taken is listed."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.reading.ingesting import (
        Ingested as Ingested,
        Preview as Preview,
        ingest as ingest,
        preview as preview,
    )
    from dspy_programs.data.reading.load import load_dataset_jsonl as load_dataset_jsonl, pair_of as pair_of
    from dspy_programs.data.reading.shapes import Shaper as Shaper

_HOMES = {
    "Ingested": "ingesting",
    "Preview": "ingesting",
    "ingest": "ingesting",
    "load_dataset_jsonl": "load",
    "pair_of": "load",
    "preview": "ingesting",
    "Shaper": "shapes",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

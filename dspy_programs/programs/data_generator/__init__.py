"""From a seed to training pairs."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.data_generator.data_generator import (
        MEANING as MEANING,
        RETRIES as RETRIES,
        DataGenerator as DataGenerator,
        DataGeneratorResult as DataGeneratorResult,
        DraftPair as DraftPair,
        Rejected as Rejected,
        subject as subject,
        unfenced as unfenced,
    )

_HOMES = {
    "DataGenerator": "data_generator",
    "DataGeneratorResult": "data_generator",
    "DraftPair": "data_generator",
    "MEANING": "data_generator",
    "RETRIES": "data_generator",
    "Rejected": "data_generator",
    "subject": "data_generator",
    "unfenced": "data_generator",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

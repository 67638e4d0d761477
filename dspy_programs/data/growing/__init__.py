"""Grow a data set: seeds, new pairs, checks, a judge; what failed seeds the next cycle."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.growing.diversity import Known as Known

_HOMES = {"Known": "diversity"}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

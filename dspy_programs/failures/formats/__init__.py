"""Traces from other frameworks, converted to one form: auto.py detects the format; one small file per family of formats.

Whatever is not part of a run is left out: token counts, model names, and the private reasoning that some models log.
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.failures.formats.auto import FORMATS as FORMATS, Parser as Parser

_HOMES = {
    "FORMATS": "auto",
    "Parser": "auto",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""Where a value comes from: everything that a run has shown so far, looked up by meaning."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.provenance.calendar_words import (
        MONTHS as MONTHS,
        OFFSETS as OFFSETS,
        SPANS as SPANS,
        WEEKDAYS as WEEKDAYS,
    )
    from dspy_programs.provenance.kinds import Kind as Kind, kind_of as kind_of
    from dspy_programs.provenance.numbers import SPELLED as SPELLED
    from dspy_programs.provenance.sources import Origin as Origin, Sources as Sources

_HOMES = {
    "MONTHS": "calendar_words",
    "OFFSETS": "calendar_words",
    "SPANS": "calendar_words",
    "WEEKDAYS": "calendar_words",
    "Kind": "kinds",
    "kind_of": "kinds",
    "SPELLED": "numbers",
    "Origin": "sources",
    "Sources": "sources",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

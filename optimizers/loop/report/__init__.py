"""What an improvement did, as one page."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.loop.report.content import SETTINGS as SETTINGS, STAGES as STAGES, gates_in as gates_in
    from optimizers.loop.report.page import page_of as page_of, write_report as write_report

_HOMES = {"SETTINGS": "content", "STAGES": "content", "gates_in": "content", "page_of": "page", "write_report": "page"}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

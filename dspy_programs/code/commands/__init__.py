"""What people type: python -m dspy_programs code search|edit|ask|... A file has the commands of one kind, and they are thin."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.code.commands.group import app as app

_HOMES = {"app": "group"}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""A session at a prompt: every line is a command as on the command line."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.code.console.completion import completions as completions, names_in_index as names_in_index
    from dspy_programs.code.console.console import Console as Console
    from dspy_programs.code.console.editors import editor_words as editor_words, place_named as place_named

_HOMES = {
    "completions": "completion",
    "names_in_index": "completion",
    "editor_words": "editors",
    "place_named": "editors",
    "Console": "console",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

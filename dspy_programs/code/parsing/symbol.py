"""A definition in a file."""

from typing import NamedTuple

from dspy_programs.code.parsing.languages import Kind

LONGEST_NAME = 500
"""Characters, dotted. What is nested deeper has no name: the names in a text of many levels would grow with its square."""


class Symbol(NamedTuple):
    """A class, a function, or what a language has in their place.

    name: dotted, from the file's top level: `Session.send`. line, end_line: from 1, the last one included; decorators and the
    comment above belong to it, `head` is the line of the definition itself. nested: inside a function.
    """

    name: str
    kind: Kind
    line: int
    head: int
    end_line: int
    nested: bool

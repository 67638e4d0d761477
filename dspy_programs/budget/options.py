"""Options that several commands of this package share, and how they print."""

from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.text import printable

PromptArgument = Annotated[Path, typer.Argument(help="Prompt file: YAML with sections, or text (.md, .txt).")]
TokensOption = Annotated[
    str | None, typer.Option("--tokens", help="Count tokens as this model does, e.g. openai/gpt-4.1-mini.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Also print the log.")]


def show(text: str) -> None:
    """Print for people: nothing that a prompt or a file's name says steers the terminal."""
    print(printable(text))

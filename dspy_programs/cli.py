"""What every command shares: how it is run from Python and from a shell, how it fails, and the options that name a model."""

import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

from dspy_programs.errors import ProgramsError

LmOption = Annotated[
    str | None,
    typer.Option(
        envvar="DSPY_PROGRAMS_LM",
        help="The model: provider/name. Default: local/qwen2.5-coder-1.5b, embedded, no key.",
    ),
]
ApiBaseOption = Annotated[
    str | None, typer.Option(envvar="DSPY_PROGRAMS_API_BASE", help="URL of an OpenAI-compatible server for --lm.")
]
ApiKeyOption = Annotated[
    str | None,
    typer.Option(envvar="DSPY_PROGRAMS_API_KEY", help="Its key; better in the environment than on a command line."),
]

GATE_CLOSED = 1  # the command ran, and what it was asked to guard did not hold
FAILED = 2  # a wrong flag, a wrong file, a model that does not answer: one line, nothing half done
INTERRUPTED = 130  # by a signal: what is there is kept, and the same command goes on


def new_app(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def run(app: typer.Typer, argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 with one line on stderr, or what it chose. Bugs keep their traceback."""
    warnings.formatwarning = lambda message, *_args, **_kwargs: f"warning: {message}\n"  # no line of code for a user
    try:
        app(args=list(sys.argv[1:] if argv is None else argv), standalone_mode=True)
    except ProgramsError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else FAILED
    return 0

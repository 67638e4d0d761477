"""What every command shares: how it is run from Python and from a shell, and how it fails."""

import sys
from collections.abc import Sequence

import typer

ALL = "all"
MODULES = (
    "Which program: actor, data_generator, failure_judge, memory_summarizer, planner, quality_judge, section_scorer, or all."
)
INTERRUPTED = 130  # by a signal: what is there is kept, and the same command goes on
FAILED = 2  # a wrong flag, a wrong file, a model that does not answer: one line, nothing half done


def new_app(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def run(app: typer.Typer, argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 with one line on stderr, or what it chose. Bugs keep their traceback."""
    from dspy_programs.errors import ProgramsError

    try:
        app(args=list(sys.argv[1:] if argv is None else argv), standalone_mode=True)
    except ProgramsError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else FAILED
    return 0

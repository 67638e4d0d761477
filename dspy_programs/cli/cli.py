"""What all commands share: running from Python or a shell, exit codes, and the options that choose a model."""

import contextlib
import errno
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Annotated

import typer

from dspy_programs.cli.dot_env import add_dot_env
from dspy_programs.errors import ProgramsError, RunInterrupted
from dspy_programs.text import printable


def _of_this_model(context: typer.Context, parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Ignore a URL or key from the environment when --lm is not the model the environment names."""
    source = context.get_parameter_source(parameter.name or "")
    named, asked = os.environ.get("DSPY_PROGRAMS_LM"), context.params.get("lm")
    is_of_another = source is not None and source.name == "ENVIRONMENT" and named and asked not in (None, named)
    return None if is_of_another else value


def _unless_named(context: typer.Context, parameter: typer.CallbackParam, value: bool) -> bool:
    """Ignore the environment's refusal of models when --lm names one."""
    source, of_lm = context.get_parameter_source(parameter.name or ""), context.get_parameter_source("lm")
    is_overridden = source is not None and source.name == "ENVIRONMENT" and of_lm is not None and of_lm.name == "COMMANDLINE"
    return value and not is_overridden


LmOption = Annotated[
    str | None,
    typer.Option(
        envvar="DSPY_PROGRAMS_LM",
        help="The model, as provider/name. Default: local/qwen2.5-coder-1.5b, embedded, no key needed.",
    ),
]
ToolLmOption = Annotated[
    str | None,
    typer.Option(
        envvar="DSPY_PROGRAMS_LM",
        help="A model, as provider/name, for what the rules cannot decide. Default: none, rules only.",
    ),
]
NO_LLM = "DSPY_PROGRAMS_NO_LLM"
NoLlmOption = Annotated[
    bool,
    typer.Option(
        "--no-llm", envvar=NO_LLM, callback=_unless_named, help="Use rules only, even if the environment names a model."
    ),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Ask the model again instead of using cached answers.")]
ApiBaseOption = Annotated[
    str | None,
    typer.Option(envvar="DSPY_PROGRAMS_API_BASE", callback=_of_this_model, help="URL of an OpenAI-compatible server for --lm."),
]
ApiKeyOption = Annotated[
    str | None,
    typer.Option(
        envvar="DSPY_PROGRAMS_API_KEY",
        callback=_of_this_model,
        help="API key for --lm. Safer in the environment or a .env file than on the command line.",
    ),
]

GATE_CLOSED = 1  # the command ran, and the check it guards failed
FAILED = 2  # a wrong flag, a wrong file, a model that does not answer: one line, nothing half done
MODEL_STOPPED = 3  # the model stopped answering midway; all is written, and what lacks its answer is marked
UNVERIFIED = 3  # done as far as the command can tell, and not checked: read it before you go on
INTERRUPTED = 130  # by a signal: finished work is kept, and the same command resumes


def new_app(help_text: str) -> typer.Typer:
    """Return an app; without a command it lists its commands."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run(app: typer.Typer, argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, its own, or 2 or 130 with a line on stderr. Bugs keep their traceback."""
    warnings.formatwarning = lambda message, *_args, **_kwargs: f"warning: {_line(message)}\n"  # users need no source line
    sys.stdin = sys.stdin or open(os.devnull)  # closed by the shell
    sys.stdout, sys.stderr = sys.stdout or open(os.devnull, "w"), sys.stderr or open(os.devnull, "w")
    added = add_dot_env()
    with _ended_by_sigterm():
        return run_words(app, sys.argv[1:] if argv is None else argv, added)


def run_words(app: Callable[..., object], words: Sequence[str], from_file: Collection[str] = ()) -> int:
    """Run a command inside a process that goes on afterwards; like `run`, without reading a .env file.

    from_file: the variables that one has set; the command finds them as its context's object.
    """
    try:
        app(args=list(words), standalone_mode=True, obj=frozenset(from_file))
    except RunInterrupted as stop:
        print(_line(stop), file=sys.stderr)
        return INTERRUPTED
    except ProgramsError as error:
        print(f"error: {_line(error)}", file=sys.stderr)
        return FAILED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else FAILED
    except OSError as error:
        if error.errno == errno.ENOENT and _folder_is_gone():
            print("error: the folder you are in is gone; go to another one with cd", file=sys.stderr)
            return FAILED
        if error.errno != errno.ENOSPC:
            raise
        print(f"error: {error.filename or 'standard output'}: cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries to flush the rest at exit
        return FAILED
    return 0


def _folder_is_gone() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _line(message: object) -> str:
    """Return a message as one line that steers no terminal: the name of a file may have line breaks."""
    return " ".join(printable(str(message)).splitlines())


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block by an exception, so that no temporary file stays; a second one ends the process at once."""

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(128 + number)  # as a shell reports the death by a signal

    if threading.current_thread() is not threading.main_thread():  # Python allows handlers only there
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

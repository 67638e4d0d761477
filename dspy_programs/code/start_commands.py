"""Commands to begin with: start, open."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import LmOption, NoLlmOption

_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="A folder.")]


def start(
    context: typer.Context,
    path: _Folder = Path("."),
    logs: Annotated[Path | None, typer.Option(help="Where ctx looks. Default: logs, if it is there, else the folder.")] = None,
    lm: LmOption = None,
    no_llm: NoLlmOption = False,
) -> None:
    """Open a session: each line is one of these commands, with completion and history. Also reads lines from a pipe."""
    import platformdirs

    from dspy_programs.cli import typed_lines
    from dspy_programs.code.console import Console, completions, names_in_index

    groups = {"dspy-programs code": context.parent, "dspy-programs": context.find_root()}
    console = Console(
        {name: (each.command, each.command.commands) for name, each in groups.items() if each},
        warn=lambda text: print(text, file=sys.stderr),
    )
    steps = [("cd", str(path)), ("logs", str(logs) if logs else ""), ("model", "none" if no_llm else lm or "")]
    for word, value in steps:
        if value and (code := console.steer(word, value)):
            raise typer.Exit(code)
    if sys.stdin.isatty():
        print("help lists the commands, quit ends")
    history = platformdirs.user_data_path("dspy-programs") / "code_history"
    typed = typed_lines(
        history,
        lambda line: completions(line, console.commands, names_in_index),
        sign=lambda: f"{Path(os.getcwd()).name}> ",
    )
    if code := console.obey(typed):
        raise typer.Exit(code)


def open_(place: Annotated[str, typer.Argument(metavar="FILE[:LINE[:COLUMN]]", help="What to open.")]) -> None:
    """Open a file in your editor, at a line: $VISUAL, else $EDITOR."""
    import subprocess

    from dspy_programs.code.console import editor_words, place_named
    from dspy_programs.errors import UsageError

    editor = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip()
    if not editor:
        raise UsageError("no editor is named; set VISUAL or EDITOR, as in export EDITOR=vim")
    words = editor_words(editor, place_named(place))
    try:
        code = subprocess.run(words, check=False).returncode
    except OSError as error:
        raise UsageError(f"{words[0]}: cannot be run: {error.strerror}; VISUAL or EDITOR names another editor") from error
    if code:
        raise UsageError(f"{words[0]} ended with exit code {code}")

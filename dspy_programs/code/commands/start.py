"""Commands to begin with: start, open, init."""

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
    logs: Annotated[
        Path | None, typer.Option(help="Where ctx looks for logs. Default: the folder logs if there is one, else PATH.")
    ] = None,
    lm: LmOption = None,
    no_llm: NoLlmOption = False,
) -> None:
    """Open a session: each line is one of these commands, with completion and history. Also reads lines from a pipe."""
    import platformdirs

    from dspy_programs.cli import typed_lines
    from dspy_programs.code.console import Console, completions, names_in_index

    groups = {"dspy-programs code": context.parent, "dspy-programs": context.find_root()}
    console = Console(
        {name: (each.command, getattr(each.command, "commands", {})) for name, each in groups.items() if each},
        warn=lambda text: print(text, file=sys.stderr),
    )
    steps = [("cd", str(path)), ("logs", str(logs) if logs else ""), ("model", "none" if no_llm else lm or "")]
    for word, value in steps:
        if value and (code := console.set(word, value)):
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


def init(
    path: _Folder = Path("."),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to write. Default: .dspy_data in the folder.")] = None,
    most: Annotated[int, typer.Option(min=1, help="How many of the newest commits to look at.")] = 3_000,
    logs: Annotated[list[Path] | None, typer.Option(help="A log file or a folder of them; repeatable. Default: logs.")] = None,
    test_cmd: Annotated[
        str, typer.Option(help="The command that runs the tests. Default: the usual one for their language.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace existing rows.")] = False,
) -> None:
    """Make training rows from a repository's commits, logs and definitions. The newest are kept for testing."""
    from dspy_programs.code.history import FOLDER, make_rows
    from dspy_programs.text import printable, quantity

    made = make_rows(path, out, most=most, logs=logs or (), test_command=test_cmd, replace=replace)
    print(f"{quantity(made.history.read, 'commit')} read, {len(made.history.commits):,} of them can be learnt from")
    for why, count in made.history.left_out.most_common():
        print(f"  left out: {count:,} {why}")
    for program, counts in made.rows.items():
        told = ", ".join(f"{count:,} {split}" for split, count in counts.items()) or "0"
        print(f"{program}: {told}")
        for why, count in sorted(made.left_out.get(program, {}).items(), key=lambda item: -item[1]):
            print(f"  left out: {count:,} {why}")
    target = out or path / FOLDER
    first = next(program for program, counts in made.rows.items() if counts)
    print(printable(f"next: python -m optimizers.train --module {first} --data {target / first}"), file=sys.stderr)

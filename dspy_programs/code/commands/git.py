"""python -m dspy_programs code git status|diff|log|add|commit: what a session needs of git.

Guarantees no hook, filter, external diff or signature program runs: a commit is made without its hooks, and a file that goes
           through a filter, such as that of git-lfs, is not added.
"""

from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import new_app
from dspy_programs.code.printing import say

app = new_app("Git, without anything that the repository sets up: no hooks, no filters, no signatures.")

_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all")
_NO_FILTER = frozenset(["unspecified", "unset"])
_MOST = 5_000  # files of one call


@app.command()
def status() -> None:
    """Show the branch and what has changed."""
    _show("status", "--short", "--branch", "--ignore-submodules=all")


@app.command()
def diff(staged: Annotated[bool, typer.Option("--staged", help="Show what the next commit will contain.")] = False) -> None:
    """Show the changes that are not staged."""
    _show("diff", *_PLAIN_DIFF, *(["--cached"] if staged else []))


@app.command()
def log(n: Annotated[int, typer.Option("-n", min=1, help="How many commits.")] = 10) -> None:
    """Show the newest commits."""
    _show("log", "--no-show-signature", "--no-color", f"--max-count={n}", "--format=%h %cs %an: %s")


@app.command()
def add(paths: Annotated[list[Path], typer.Argument(help="Files or folders.")]) -> None:
    """Stage files for the next commit."""
    from dspy_programs.errors import UsageError
    from dspy_programs.git import told_by_git

    here, names = Path.cwd(), [str(path) for path in paths]
    listed = told_by_git(here, ["ls-files", "-z", "--others", "--modified", "--exclude-standard", "--", *names])
    files = [name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name]
    if len(files) > _MOST:
        raise UsageError(f"{len(files):,} files at once; add fewer, or use git itself")
    said = told_by_git(here, ["check-attr", "-z", "filter", "--", *files]).split(b"\0") if files else []
    for name, value in zip(said[::3], said[2::3], strict=False):
        if value.decode() not in _NO_FILTER:
            raise UsageError(
                f"{name.decode('utf-8', 'replace')}: goes through the filter {value.decode()}; add it with git itself"
            )
    told_by_git(here, ["add", "--", *names])


@app.command()
def commit(message: Annotated[str, typer.Option("-m", "--message", help="What was done.")]) -> None:
    """Commit what is staged; no hook of the repository runs."""
    from dspy_programs.git import told_by_git

    words = ["commit", "--no-verify", "--no-gpg-sign", "--no-status", f"--message={message}"]
    say(told_by_git(Path.cwd(), words).decode("utf-8", "replace").splitlines()[0])


def _show(*words: str) -> None:
    from dspy_programs.git import told_by_git

    if text := told_by_git(Path.cwd(), words).decode("utf-8", "replace").rstrip("\n"):
        say(text)

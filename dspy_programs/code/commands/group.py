"""The group `code`: index and map, and the commands of the other files here."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import new_app
from dspy_programs.code.commands.ask import ask, commands
from dspy_programs.code.commands.change import diff, patch, undo
from dspy_programs.code.commands.edit import edit
from dspy_programs.code.commands.explain import context, summary
from dspy_programs.code.commands.git import app as git
from dspy_programs.code.commands.in_words import InWords
from dspy_programs.code.commands.look import extract, grep, sg, tree
from dspy_programs.code.commands.opening import EmbedderOption, embed, opened
from dspy_programs.code.commands.search import learn, like, search
from dspy_programs.code.commands.start import init, open_, start
from dspy_programs.code.commands.task import commit_message, plan, run
from dspy_programs.code.log_bus.commands import last, status, watch
from dspy_programs.code.log_bus.stack_commands import app as stack, worker
from dspy_programs.code.old_names.commands import WithOldNames
from dspy_programs.code.printing import print_json, say

if TYPE_CHECKING:
    from dspy_programs.code.index.index import Refreshed

app = new_app(
    "Know a repository, and change it: find code by questions, names and patterns, say what went wrong in its logs, edit, undo."
)

_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="A folder.")]
_Db = Annotated[Path | None, typer.Option(help="The index file. Default: one in your cache, outside the folder.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(cls=WithOldNames)
def _old_environment(context: typer.Context) -> None:
    """Let the variables of dspy-code count, where ours are not set."""
    from dspy_programs.code.old_names.environment import adopted

    os.environ.update(adopted(os.environ, context.obj or ()))


@app.command()
def index(
    path: _Folder = Path("."),
    vectors: Annotated[bool, typer.Option("--vectors", help="Also compute the vectors that search --by needs.")] = False,
    embedder: EmbedderOption = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Keep the index up to date while files change, until interrupted. Needs the code extra."),
    ] = False,
    db: _Db = None,
    as_json: _Json = False,
) -> None:
    """Index a folder's code by its definitions, or bring the index up to date. What git ignores and binaries are left out."""
    if watch:
        _watch_index(path, db)
        return
    held, done = opened(path, db)
    if vectors or embedder:
        embed(held, embedder)
    if as_json:
        print_json({"index": str(held.file), **_plain(done)})
        return
    from dspy_programs.text import quantity

    print(f"{quantity(done.files, 'file')}, {done.lines:,} lines; {done.read:,} read, {done.forgotten:,} forgotten")
    for name, told in (("left out", done.left_out), ("cut into lines, not definitions", _by_lines(done))):
        if told:
            print(f"{name}: {', '.join(f'{count:,} {why}' for why, count in sorted(told.items()))}")
    print(f"{held.file}; {done.seconds:.1f} s", file=sys.stderr)


@app.command("map")
def map_(
    path: _Folder = Path("."),
    tokens: Annotated[int, typer.Option(min=1, help="Token budget of the map.")] = 1_000,
    focus: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A file that matters now, relative to PATH; repeatable.")
    ] = None,
    count_as: Annotated[
        str | None, typer.Option("--tokens-of", metavar="MODEL", help="Count tokens as this model does. Default: cl100k.")
    ] = None,
    db: _Db = None,
    as_json: _Json = False,
) -> None:
    """Print the definitions that the rest of the code uses most, within a token budget."""
    from dspy_programs.code import map_of
    from dspy_programs.tokens import counter_named

    held, _ = opened(path, db)
    found = map_of(held, tokens, focus or (), counter_named(count_as))
    if as_json:
        listed = [
            {"path": one.path, "line": one.symbol.head, "symbol": one.symbol.name, "signature": one.signature, "rank": rank}
            for one, rank in found.definitions
        ]
        print_json({"tokens": found.tokens, "counter": found.counter, "known": found.known, "definitions": listed})
        return
    if found.text:
        say(found.text)
    more = "; the first one needs more --tokens" if found.known and not found.shown else ""
    print(f"{found.shown:,} of {found.known:,} definitions, {found.tokens:,} tokens of {found.counter}{more}", file=sys.stderr)


_COMMANDS: tuple[Callable[..., None], ...] = (
    *(search, like, learn, grep, tree, extract, sg, context, summary, watch, last, status, worker, start, init, ask, commands),
    *(edit, patch, diff, undo, plan, run, commit_message),
)
_IN_WORDS = (search, ask, commands, edit, plan, run)
for _command in _COMMANDS:
    app.command(cls=InWords if _command in _IN_WORDS else None)(_command)
app.command("open")(open_)
app.add_typer(stack, name="stack", help="Files that run `up` elsewhere: Docker, Kubernetes, Kafka, Spark.")
app.add_typer(git, name="git", hidden=True)


def _watch_index(path: Path, db: Path | None) -> None:
    from dspy_programs.code import Index, watch_folder

    for done in watch_folder(Index(path, db)):
        print(f"{done.read:,} read, {done.forgotten:,} forgotten; {done.seconds:.2f} s", flush=True)


def _by_lines(done: "Refreshed") -> dict[str, int]:
    """Name what was cut into lines: texts, languages whose grammars are not installed, and what took too long."""
    named = {f"{name} (pip install dspy-programs[code])" if name else "other text": n for name, n in done.by_lines.items()}
    return named | ({"whose grammar took too long": done.too_slow} if done.too_slow else {})


def _plain(done: "Refreshed") -> dict[str, Any]:
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in vars(done).items()}

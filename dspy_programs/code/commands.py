"""python -m dspy_programs code index|search|map|grep|tree|extract|sg|context|watch: thin commands over this package."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import GATE_CLOSED, new_app

if TYPE_CHECKING:
    from dspy_programs.code.index import Index, Refreshed

app = new_app(
    "Know a repository: find code by questions, names and patterns, and what went wrong in its logs. No model needed."
)

_EXPECTED = frozenset(["ignored by git", "binary", "link", "pipe, socket or device"])
"""Why files are left out of a search without a word."""
_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="A folder.")]
_FileOrFolder = Annotated[Path, typer.Argument(metavar="[PATH]", help="A file or a folder.")]
_Db = Annotated[Path | None, typer.Option(help="The file of the index. Default: one in your cache, outside of the folder.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def index(path: _Folder = Path("."), db: _Db = None, as_json: _Json = False) -> None:
    """Index a folder's code by its definitions, or bring the index up to date. What git ignores and binaries are left out."""
    held, done = _opened(path, db)
    if as_json:
        _print_json({"index": str(held.file), **_plain(done)})
        return
    from dspy_programs.text import quantity

    print(f"{quantity(done.files, 'file')}, {done.lines:,} lines; {done.read:,} read, {done.forgotten:,} forgotten")
    for name, told in (("left out", done.left_out), ("cut into lines, not definitions", _by_lines(done.by_lines))):
        if told:
            print(f"{name}: {', '.join(f'{count:,} {why}' for why, count in sorted(told.items()))}")
    print(f"{held.file}; {done.seconds:.1f} s", file=sys.stderr)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="In words, or a name.")],
    path: _Folder = Path("."),
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many places.")] = 10,
    db: _Db = None,
    as_json: _Json = False,
) -> None:
    """Find the code that a question is about. The index is brought up to date first. Exits with 1 if nothing is found."""
    from dspy_programs.code import search as find

    held, _ = _opened(path, db)
    hits = find(held, question, k)
    if as_json:
        _print_json([hit._asdict() for hit in hits])
    for hit in [] if as_json else hits:
        _say(f"{hit.path}:{hit.line}  {hit.symbol or '(between definitions)'}  {hit.score:.2f}")
        _say("\n".join(f"    {line}" for line in hit.snippet.splitlines()))
    _gate(hits, f"nothing about {question}")


@app.command("map")
def map_(
    path: _Folder = Path("."),
    tokens: Annotated[int, typer.Option(min=1, help="The most that the map may have.")] = 1_000,
    focus: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A file that matters now, relative to PATH; repeatable.")
    ] = None,
    count_as: Annotated[str | None, typer.Option("--tokens-of", metavar="MODEL", help="Whose tokens. Default: cl100k.")] = None,
    db: _Db = None,
    as_json: _Json = False,
) -> None:
    """Print the definitions that the rest of the code leans on, within a token budget."""
    from dspy_programs.code import map_of
    from dspy_programs.tokens import counter_named

    held, _ = _opened(path, db)
    found = map_of(held, tokens, focus or (), counter_named(count_as))
    if as_json:
        listed = [
            {"path": one.path, "line": one.symbol.head, "symbol": one.symbol.name, "signature": one.signature, "rank": rank}
            for one, rank in found.definitions
        ]
        _print_json({"tokens": found.tokens, "counter": found.counter, "known": found.known, "definitions": listed})
        return
    _say(found.text)
    print(f"{found.shown:,} of {found.known:,} definitions, {found.tokens:,} tokens of {found.counter}", file=sys.stderr)


@app.command()
def grep(
    pattern: Annotated[str, typer.Argument(help="A regular expression.")],
    path: _FileOrFolder = Path("."),
    fixed: Annotated[bool, typer.Option("--fixed", "-F", help="The pattern is a text.")] = False,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", "-i", help="A is a.")] = False,
    glob: Annotated[list[str] | None, typer.Option("--glob", "-g", help="Only these files, like *.py; repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option("--exclude", "-x", metavar="GLOB", help="Not these; repeatable.")] = None,
    context: Annotated[int, typer.Option("--context", "-C", min=0, max=100, help="Lines before and after.")] = 0,
    most: Annotated[int, typer.Option(min=1, help="Stop after so many lines.")] = 1_000,
    as_json: _Json = False,
) -> None:
    """Find lines in the files of a folder that are its own. Exits with 1 if nothing is found."""
    from itertools import islice

    from dspy_programs.code import grep_files
    from dspy_programs.code.files import LeftOut

    told = LeftOut()
    found = grep_files(
        pattern,
        path,
        fixed=fixed,
        ignore_case=ignore_case,
        only=glob or (),
        exclude=exclude or (),
        context=context,
        left_out=told,
    )
    hits = list(islice(found, most + 1))
    if as_json:
        _print_json([hit._asdict() for hit in hits[:most]])
    for hit in [] if as_json else hits[:most]:
        around = [(hit.number - len(hit.before) + at, line) for at, line in enumerate(hit.before)]
        _say("\n".join([*(f"{hit.path}-{number}- {line}" for number, line in around), f"{hit.path}:{hit.number}: {hit.text}"]))
        _say_if("\n".join(f"{hit.path}-{at}- {line}" for at, line in enumerate(hit.after, hit.number + 1)))
    if len(hits) > most:
        print(f"stopped after {most:,} lines; --most shows more", file=sys.stderr)
    _tell({why: count for why, count in told.items() if why not in _EXPECTED})
    _gate(hits, f"no line fits {pattern}")


@app.command()
def tree(
    path: _Folder = Path("."),
    depth: Annotated[int, typer.Option("--depth", "-d", min=1, help="How many folders inside each other.")] = 2,
    hidden: Annotated[bool, typer.Option("--hidden", help="Also names that begin with a dot.")] = False,
) -> None:
    """Show the files of a folder that are its own, as a tree."""
    from dspy_programs.code import tree_of

    for line in tree_of(path, depth, hidden):
        _say(line)


@app.command()
def extract(
    path: _FileOrFolder = Path("."),
    symbol: Annotated[str | None, typer.Option(help="A definition: Session.send, or the end of a longer name.")] = None,
    regex: Annotated[str | None, typer.Option(help="A regular expression: the line it fits, in one file.")] = None,
    before: Annotated[int, typer.Option(min=0, help="Lines before it, with --regex.")] = 0,
    after: Annotated[int, typer.Option(min=0, help="Lines after it, with --regex.")] = 0,
    nth: Annotated[int | None, typer.Option(min=1, help="Which one, if there are several.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write it to this file.")] = None,
    db: _Db = None,
    as_json: _Json = False,
) -> None:
    """Take a definition out of a file or a folder by its dotted name, or lines out of a file."""
    from dspy_programs.code import extract_lines, extract_symbol
    from dspy_programs.errors import UsageError

    if (symbol is None) == (regex is None):
        raise UsageError("give one of --symbol and --regex")
    if symbol is not None:
        piece = extract_symbol(path, symbol, nth, db)
    else:
        piece = extract_lines(path, regex or "", before, after, nth)
    if out is not None:
        from dspy_programs.atomic_file import write_atomically

        write_atomically(out, piece.text)
    elif as_json:
        _print_json(piece._asdict())
    else:
        _say(piece.text.rstrip("\n"))
    print(f"{piece.path}:{piece.line}-{piece.end_line} {piece.symbol}".rstrip(), file=sys.stderr)


@app.command()
def sg(
    pattern: Annotated[str, typer.Argument(help="Code with $NAME for one expression and $$$NAME for any number: open($FILE).")],
    path: _FileOrFolder = Path("."),
    lang: Annotated[str, typer.Option("--lang", "-l", help="The language: python, js, go...")] = "python",
    as_json: _Json = False,
) -> None:
    """Find code by its structure, in any of 17 languages. Exits with 1 if nothing is found. Needs the code extra."""
    from dspy_programs.code import find_structure
    from dspy_programs.code.structure import is_whole

    matches = list(find_structure(pattern, lang, path))
    if as_json:
        _print_json([match._asdict() for match in matches])
    for match in [] if as_json else matches:
        first, *rest = match.text.split("\n")
        _say(f"{match.path}:{match.line}: {first}{f' [{len(rest)} more lines]' if rest else ''}")
    _gate(matches, f"nothing fits {pattern}{'' if is_whole(pattern, lang) else '; alone it is not whole code, so nothing can'}")


@app.command()
def context(
    logs: Annotated[list[Path], typer.Option("--logs", help="A log file, a folder of them, or - for stdin; repeatable.")],
    most: Annotated[int, typer.Option(min=1, help="How many kinds of events are shown.")] = 20,
    as_json: _Json = False,
) -> None:
    """Say what went wrong, from logs: each kind of event once with its stack trace, the worst and most frequent first.

    Exits with 1 if nothing went wrong.
    """
    from dspy_programs.code import log_context
    from dspy_programs.text import quantity

    found = log_context(logs)
    if as_json:
        kinds = [{key: value for key, value in vars(kind).items() if key != "level"} for kind in found.kinds[:most]]
        _print_json({"files": found.files, "events": found.events, "kinds": len(found.kinds), "shown": kinds})
    for kind in [] if as_json else found.kinds[:most]:
        when = f"  {kind.first}" + (f" to {kind.last}" if kind.last != kind.first else "") if kind.first else ""
        others = f" and {len(kind.files) - 1} more" if len(kind.files) > 1 else ""
        _say(f"{kind.severity}  {quantity(kind.count, 'time')}  {kind.at}{others}{when}")
        _say("\n".join(f"    {line}" for line in kind.lines))
    beyond = f"; {found.beyond:,} events of rarer kinds were not kept" if found.beyond else ""
    counted = f"{quantity(found.events, 'event')} of {quantity(len(found.kinds), 'kind')} in {quantity(found.files, 'file')}"
    print(f"{counted}{beyond}{'; --most shows more' if len(found.kinds) > most else ''}", file=sys.stderr)
    if not found.kinds:
        raise typer.Exit(GATE_CLOSED)


@app.command()
def watch(path: _Folder = Path("."), db: _Db = None) -> None:
    """Keep the index up to date while files change, until interrupted. Needs the code extra."""
    from dspy_programs.code import Index, watch_folder

    for done in watch_folder(Index(path, db)):
        print(f"{done.read:,} read, {done.forgotten:,} forgotten; {done.seconds:.2f} s", flush=True)


def _opened(path: Path, db: Path | None) -> "tuple[Index, Refreshed]":
    """Open an index, and bring it up to date."""
    from dspy_programs.cli import show_progress
    from dspy_programs.code import Index

    held = Index(path, db)
    with show_progress("Indexing") as progress:
        return held, held.refresh(progress)


def _by_lines(told: Mapping[str, int]) -> dict[str, int]:
    """Name what was cut into lines: texts, and languages whose grammars are not installed."""
    return {f"{language} (pip install dspy-programs[code])" if language else "other text": n for language, n in told.items()}


def _plain(done: "Refreshed") -> dict[str, Any]:
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in vars(done).items()}


def _tell(told: Mapping[str, int]) -> None:
    for why, count in told.items():
        print(f"left out: {count:,} {why}", file=sys.stderr)


def _say(text: str) -> None:
    from dspy_programs.text import printable

    print(printable(text))


def _say_if(text: str) -> None:
    if text:
        _say(text)


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def _gate(found: Iterable[object], nothing: str) -> None:
    if not found:
        print(nothing, file=sys.stderr)
        raise typer.Exit(GATE_CLOSED)

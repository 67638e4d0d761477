"""Commands that look closer: grep, tree, extract, sg."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.code.printing import from_here, gate, print_json, say, tell

if TYPE_CHECKING:
    from dspy_programs.code.finding.grep import Line

_EXPECTED = frozenset(["ignored by git", "binary", "link", "pipe, socket or device"])
"""Why files are left out of a search without a word."""
_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="A folder.")]
_FileOrFolder = Annotated[Path, typer.Argument(metavar="[PATH]", help="A file or a folder.")]
_Db = Annotated[Path | None, typer.Option(help="The index file. Default: one in your cache, outside the folder.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def grep(
    pattern: Annotated[str, typer.Argument(help="A regular expression.")],
    path: _FileOrFolder = Path("."),
    fixed: Annotated[bool, typer.Option("--fixed", "-F", help="The pattern is plain text.")] = False,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", "-i", help="Match capital and small letters alike.")] = False,
    glob: Annotated[list[str] | None, typer.Option("--glob", "-g", help="Only these files, like *.py; repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option("--exclude", "-x", metavar="GLOB", help="Not these; repeatable.")] = None,
    context: Annotated[int, typer.Option("--context", "-C", min=0, max=100, help="Lines before and after.")] = 0,
    most: Annotated[int, typer.Option(min=1, help="Stop after this many lines.")] = 1_000,
    as_json: _Json = False,
) -> None:
    """Find lines in a folder's own files, without what git ignores. Exits with 1 if nothing is found."""
    from itertools import islice

    from dspy_programs.code import grep_files
    from dspy_programs.code.files.source_files import LeftOut
    from dspy_programs.errors import UsageError

    if not path.exists() and os.path.exists(pattern):
        raise UsageError(f"{path}: not there; the pattern comes first, then the file or folder")
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
    hits = [from_here(path, hit) for hit in islice(found, most + 1)]
    if as_json:
        print_json([hit._asdict() for hit in hits[:most]])
    for line in [] if as_json else _merged(hits[:most]):
        say(line)
    if len(hits) > most:
        print(f"stopped after {most:,} lines; --most shows more", file=sys.stderr)
    tell({why: count for why, count in told.items() if why not in _EXPECTED or path.is_file()})
    gate(hits, f"no line fits {pattern}")


def _merged(hits: "Sequence[Line]") -> Iterator[str]:
    """Yield hits and the lines around them, each line once, with -- where lines are left out between."""
    shown: dict[tuple[str, int], tuple[str, str]] = {}
    for hit in hits:
        for number, text in enumerate(hit.before, hit.number - len(hit.before)):
            shown.setdefault((hit.path, number), ("-", text))
        shown[hit.path, hit.number] = (":", hit.text)
        for number, text in enumerate(hit.after, hit.number + 1):
            shown.setdefault((hit.path, number), ("-", text))
    has_context, last = any(sign == "-" for sign, _ in shown.values()), ("", 0)
    for (path, number), (sign, text) in shown.items():
        if has_context and last[0] and (path, number - 1) != last:
            yield "--"
        yield f"{path}{sign}{number}{sign} {text}"
        last = (path, number)


def tree(
    path: _Folder = Path("."),
    depth: Annotated[int, typer.Option("--depth", "-d", min=1, help="How many levels of folders.")] = 2,
    hidden: Annotated[bool, typer.Option("--hidden", help="Also names that begin with a dot.")] = False,
    as_json: _Json = False,
) -> None:
    """Show a folder's own files as a tree, without what git ignores."""
    from dspy_programs.code import tree_of
    from dspy_programs.code.overview.tree import tree_as_data

    if as_json:
        print_json(tree_as_data(path, depth, hidden))
        return
    for line in tree_of(path, depth, hidden):
        say(line)


def extract(
    path: _FileOrFolder = Path("."),
    symbol: Annotated[str | None, typer.Option(help="A definition: Session.send, or the end of a longer name.")] = None,
    regex: Annotated[str | None, typer.Option(help="A regular expression that finds the line, in one file.")] = None,
    before: Annotated[int, typer.Option(min=0, help="Lines before it, with --regex.")] = 0,
    after: Annotated[int, typer.Option(min=0, help="Lines after it, with --regex.")] = 0,
    nth: Annotated[int | None, typer.Option(min=1, help="Which one, if there are several.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write it to this file.")] = None,
    db: _Db = None,
    as_json: _Json = False,
) -> None:
    """Print a definition from a file or a folder by its dotted name, or lines of a file."""
    from dspy_programs.code import extract_lines, extract_symbol
    from dspy_programs.errors import UsageError
    from dspy_programs.text import printable

    if (symbol is None) == (regex is None):
        if symbol is None and not path.exists():
            raise UsageError(f"{path}: not there; a definition is named with --symbol {path}")
        raise UsageError("say what to take: either --symbol NAME or --regex PATTERN")
    if not (symbol or regex or "").strip():
        raise UsageError("--symbol or --regex is empty; name a definition, or write an expression")
    if symbol is not None:
        piece = from_here(path, extract_symbol(path, symbol, nth, db))
    else:
        piece = extract_lines(path, regex or "", before, after, nth)
    if out is not None:
        from dspy_programs.atomic_file import write_atomically

        write_atomically(out, piece.text)
    elif as_json:
        print_json(piece._asdict())
    else:
        say(piece.text.rstrip("\n"))
    print(printable(f"{piece.path}:{piece.line}-{piece.end_line} {piece.symbol}").rstrip(), file=sys.stderr)


def sg(
    pattern: Annotated[str, typer.Argument(help="Code with $NAME for one expression and $$$NAME for any number: open($FILE).")],
    path: _FileOrFolder = Path("."),
    lang: Annotated[str, typer.Option("--lang", "-l", help="The language: python, js, go...")] = "python",
    as_json: _Json = False,
) -> None:
    """Find code by its structure, in any of 17 languages. Exits with 1 if nothing is found. Needs the code extra."""
    from dspy_programs.code import find_structure
    from dspy_programs.code.files.source_files import LeftOut
    from dspy_programs.code.finding.structure import is_whole

    told = LeftOut()
    matches = [from_here(path, match) for match in find_structure(pattern, lang, path, told)]
    if as_json:
        print_json([match._asdict() for match in matches])
    for match in [] if as_json else matches:
        first, *rest = match.text.split("\n")
        say(f"{match.path}:{match.line}: {first}{f' [{len(rest)} more lines]' if rest else ''}")
    tell({why: count for why, count in told.items() if why not in _EXPECTED})
    why = "--lang names another language" if is_whole(pattern, lang) else "alone it is not whole code, so nothing can"
    gate(matches, f"no {lang} code fits {pattern}; {why}")

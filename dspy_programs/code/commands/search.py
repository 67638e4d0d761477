"""Commands that answer from the index: search, like, learn."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspy_programs.code.commands.opening import EmbedderOption, embed, opened, opened_file
from dspy_programs.code.printing import from_here, gate, print_json, say

if TYPE_CHECKING:
    from dspy_programs.code.finding.by_words import Hit

_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="A folder.")]
_Count = Annotated[int, typer.Option("-k", min=1, max=1000, help="How many results.")]
_Db = Annotated[Path | None, typer.Option(help="The index file. Default: one in your cache, outside the folder.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def search(
    question: Annotated[str, typer.Argument(help="In words, or a name.")],
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="A folder or a file.")] = Path("."),
    k: _Count = 10,
    by: Annotated[
        Literal["words", "meaning", "both"], typer.Option(help="Meaning and both compare vectors: they need the embed extra.")
    ] = "words",
    embedder: EmbedderOption = None,
    db: _Db = None,
    as_json: _Json = False,
) -> None:
    """Find the code that a question is about. The index is brought up to date first. Exits with 1 if nothing is found."""
    from dspy_programs.code import search as search_by_words, search_by_meaning, search_fused
    from dspy_programs.errors import UsageError

    if not question.strip():
        raise UsageError("the question is empty; write what to look for")
    if not path.exists():
        raise UsageError(f"{path}: not there; name a folder, and put a question of several words in quotes")
    if embedder and by == "words":
        raise UsageError("--embedder makes vectors, and --by words compares none; add --by meaning or --by both")
    held = opened_file(path) if path.is_file() else opened(path, db)[0]
    if by == "words":
        hits = search_by_words(held, question, k)
    else:
        hits = (search_by_meaning if by == "meaning" else search_fused)(held, question, k, embed(held, embedder))
    hits = [hit._replace(path=path.as_posix()) for hit in hits] if path.is_file() else hits
    _show(path, hits, as_json)
    gate(hits, f"nothing about {question}")


def like(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE", help="Where the code is that the results should resemble.")],
    path: _Folder = Path("."),
    k: _Count = 10,
    embedder: EmbedderOption = None,
    db: _Db = None,
    as_json: _Json = False,
) -> None:
    """Find the code most similar to a given piece, by vectors. Needs the embed extra, or an embedder."""
    from dspy_programs.code import search_like
    from dspy_programs.errors import UsageError

    named = re.fullmatch(r"(.+):(\d{1,9})", place)
    if named is None:
        raise UsageError(f"{place}: write FILE:LINE, as search prints it")
    held, _ = opened(path, db)
    here = Path(named[1]).resolve()
    file = here.relative_to(held.folder).as_posix() if here.is_relative_to(held.folder) and here.exists() else named[1]
    hits = search_like(held, file, int(named[2]), k, embed(held, embedder))
    _show(path, hits, as_json)
    gate(hits, f"nothing else is in {path}")


def learn(
    path: _Folder = Path("."),
    out: Annotated[Path | None, typer.Option(help="Write to this file, not to stdout.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file, whatever is in it.")] = False,
    db: _Db = None,
) -> None:
    """Print what a folder's code consists of, as JSON: each file with its imports, classes and functions."""
    import json

    from dspy_programs.code import knowledge_of

    if out is not None and not replace:
        _require_own(out)
    held, _ = opened(path, db)
    known = knowledge_of(held)
    if out is None:
        print_json(known)
    else:
        from dspy_programs.atomic_file import write_atomically

        write_atomically(out, json.dumps(known, indent=2, ensure_ascii=False) + "\n")
    gate(known["files"], f"no code is in {path}")


def _require_own(out: Path) -> None:
    """Raise UsageError for a file that is there and is not what `learn` writes."""
    import json

    from dspy_programs.errors import UsageError

    if not out.is_file():
        return
    try:
        known = json.loads(out.read_bytes())
    except (OSError, ValueError, RecursionError):
        known = None
    if not (isinstance(known, dict) and known.keys() == {"root", "files"}):
        raise UsageError(f"--out {out}: `learn` did not write what is there; --replace replaces it, or name another file")


def _show(path: Path, hits: "Sequence[Hit]", as_json: bool) -> None:
    shown = [from_here(path, hit) for hit in hits]
    if as_json:
        print_json([hit._asdict() for hit in shown])
    for hit in [] if as_json else shown:
        say(f"{hit.path}:{hit.line}  {hit.symbol or '(between definitions)'}  {hit.score:.2f}")
        say("\n".join(f"    {line}" for line in hit.snippet.splitlines()))

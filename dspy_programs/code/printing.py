"""How the commands print what they found."""

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from dspy_programs.cli import GATE_CLOSED

if TYPE_CHECKING:
    from dspy_programs.code.finding.by_words import Hit
    from dspy_programs.code.finding.extracting import Piece
    from dspy_programs.code.finding.grep import Line
    from dspy_programs.code.finding.structure import Match
    from dspy_programs.logs import Kind

    Place = TypeVar("Place", Hit, Line, Match, Piece)


def say(text: str) -> None:
    """Print what steers no terminal."""
    from dspy_programs.text import printable

    print(printable(text))


def say_kind(kind: "Kind") -> None:
    """Print a kind of event: how bad, how often, where, when, and its lines."""
    from dspy_programs.text import quantity

    when = f"  {kind.first}" + (f" to {kind.last}" if kind.last != kind.first else "") if kind.first else ""
    others = f" and {len(kind.files) - 1} more" if len(kind.files) > 1 else ""
    say(f"{kind.severity}  {quantity(kind.count, 'time')}  {kind.at}{others}{when}")
    say("\n".join(f"    {line}" for line in kind.lines))


def print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def from_here(folder: Path, found: "Place") -> "Place":
    """Return a place whose path can be opened where the command runs: those found are relative to the folder searched."""
    return found._replace(path=(folder / found.path).as_posix()) if folder.is_dir() else found


def tell(told: Mapping[str, int]) -> None:
    """Say why files were left out, and how many."""
    for why, count in told.items():
        print(f"left out: {count:,} {why}", file=sys.stderr)


def gate(found: Collection[object], nothing: str) -> None:
    """End with exit code 1 if nothing was found."""
    if not found:
        print(nothing, file=sys.stderr)
        raise typer.Exit(GATE_CLOSED)


def print_diff(diff: bytes) -> None:
    """Print a diff: to a file or a pipe byte by byte, to a terminal so that it steers nothing."""
    if sys.stdout.isatty():
        say(diff.decode("utf-8", "replace").rstrip("\n"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(diff)
    sys.stdout.flush()

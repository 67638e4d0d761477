"""How the commands print what they found."""

import sys
from collections.abc import Collection, Mapping
from typing import Any

import typer

from dspy_programs.cli import GATE_CLOSED


def say(text: str) -> None:
    """Print what steers no terminal."""
    from dspy_programs.text import printable

    print(printable(text))


def print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def tell(told: Mapping[str, int]) -> None:
    """Say why files were left out, and how many."""
    for why, count in told.items():
        print(f"left out: {count:,} {why}", file=sys.stderr)


def gate(found: Collection[object], nothing: str) -> None:
    """End with exit code 1 if nothing was found."""
    if not found:
        print(nothing, file=sys.stderr)
        raise typer.Exit(GATE_CLOSED)

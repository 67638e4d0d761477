"""How the commands open an index and bring it up to date, while they show how far they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dspy_programs.code.index.index import Index, Refreshed
    from dspy_programs.code.index.vectors import Embedder

EmbedderOption = Annotated[
    str | None,
    typer.Option(
        metavar="PROVIDER/MODEL", help="The embedding model, any that DSPy can reach. Default: WordLlama, on this machine."
    ),
]


def opened(path: Path, db: Path | None) -> "tuple[Index, Refreshed]":
    """Open an index, and bring it up to date."""
    from dspy_programs.cli import show_progress
    from dspy_programs.code import Index

    held = Index(path, db)
    with show_progress("Indexing") as progress:
        return held, held.refresh(progress)


def opened_file(path: Path) -> "Index":
    """Index one file, in memory. Raises UsageError for what is no text."""
    from dspy_programs.code import Index
    from dspy_programs.database import IN_MEMORY
    from dspy_programs.errors import UsageError

    real = path.resolve()
    held = Index(real.parent, IN_MEMORY, only=real.name)
    if why := next(iter(held.refresh().left_out), ""):
        raise UsageError(f"{path}: {why}; name a text file or a folder")
    return held


def embed(held: "Index", name: str | None) -> "Embedder":
    """Make the vectors that an index lacks."""
    from dspy_programs.cli import show_progress
    from dspy_programs.code import embed_chunks, embedder_named

    embedder = embedder_named(name)
    with show_progress("Embedding") as progress:
        embed_chunks(held, embedder, progress)
    return embedder

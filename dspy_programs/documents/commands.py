"""python -m dspy_programs documents ingest|ask|ls|rm|models: thin commands over this package."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import GATE_CLOSED, ApiBaseOption, ApiKeyOption, LmOption, NoLlmOption, new_app

if TYPE_CHECKING:
    import dspy

app = new_app("Ask documents: a model reads each once, and answers with the document's own words.")

_Id = Annotated[str, typer.Argument(metavar="ID", help="Its name: a-z, 0-9, - and _.")]
_FileOption = Annotated[Path | None, typer.Option(help="The file that holds the corpora. Default: one in your user folder.")]
_JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def ingest(
    corpus: _Id,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=".txt, .md, .pdf, .html, .docx, folders; - is stdin.")],
    description: Annotated[str, typer.Option(help="A line for the list of corpora.")] = "",
    chunk: Annotated[bool, typer.Option("--chunk", help="Split what does not fit into the model's context.")] = False,
    lm: LmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    file: _FileOption = None,
    as_json: _JsonOption = False,
) -> None:
    """Store texts under one name and let the model read them; what had that name before is replaced."""
    from dspy_programs.cli import show_progress
    from dspy_programs.documents import Documents, read_folder, read_source
    from dspy_programs.documents.corpora import checked_id
    from dspy_programs.text import printable

    checked_id(corpus)
    skipped: list[str] = []
    sources = [
        source for path in paths for source in (read_folder(path, skipped.append) if path.is_dir() else [read_source(path)])
    ]
    for line in [*skipped, *(source.left_out for source in sources if source.left_out)]:
        print(printable(f"left out: {line}"), file=sys.stderr)
    shelf = Documents(file, _model(lm, no_llm, api_base, api_key))
    with show_progress("Reading") as progress:
        done = shelf.ingest(corpus, sources, description=description, chunk=chunk, progress=progress)
    if as_json:
        print(done.model_dump_json(indent=2))
        return
    counted = f", {done.tokens:,} tokens" if done.tokens else ""
    parts = f" in {done.corpus.parts} parts" if done.corpus.parts > 1 else ""
    took = f"; {done.seconds:.1f} s" if done.tokens else ""
    kept = f"; {done.kept_bytes / 1e6:,.0f} MB kept" if done.kept_bytes else ""
    print(f"{corpus}: {done.corpus.characters:,} characters{counted}{parts}{kept}{took}")


@app.command()
def ask(
    corpus: _Id,
    question: Annotated[str, typer.Argument(help="In words.")],
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Token limit of the reply.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0, max=2.0, help="Default: 0.")] = None,
    lm: LmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    file: _FileOption = None,
    as_json: _JsonOption = False,
) -> None:
    """Answer a question from a document, and show the words it rests on. Exits with 1 if the document does not say."""
    from dspy_programs.documents import Documents, Spoken
    from dspy_programs.text import printable

    decoding: dict[str, Any] = {
        name: value for name, value in (("max_tokens", max_tokens), ("temperature", temperature)) if value is not None
    }
    shelf = Documents(file, _model(lm, no_llm, api_base, api_key))
    spoken = Spoken(lambda text: None if as_json else print(printable(text), end="", flush=True))
    found = shelf.ask(corpus, question, spoken=spoken, **decoding)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        if found.in_document:
            said = found.answer
        else:
            said = f"The document does not say{'' if found.read_whole else ', as far as it was read'}."
        rest = spoken.rest(said)
        print(printable(f"\n{said}" if rest is None else rest))  # None: a second try of the model said something else
        for quote in found.quotes:
            print(printable(f'  "{quote.text}" ({quote.start:,} to {quote.end:,})'))
        restored = f"; {found.restored_tokens:,} tokens restored in {found.restore_ms:.0f} ms" if found.restored_tokens else ""
        told = "".join(f"; {note}" for note in found.notes)
        took = f", {found.seconds:.1f} s" if found.answered_by == "model" else ""
        print(printable(f"by {found.answered_by}{took}{restored}{told}"), file=sys.stderr)
    if not found.in_document:
        raise typer.Exit(GATE_CLOSED)


@app.command()
def ls(file: _FileOption = None, as_json: _JsonOption = False) -> None:
    """List the stored corpora, newest first."""
    import json

    from dspy_programs.documents import Corpora
    from dspy_programs.text import printable, quantity

    known = Corpora(file).all()
    if as_json:
        print(json.dumps([one.model_dump() for one in known], indent=2, ensure_ascii=False))
        return
    for one in known:
        parts = f", {one.parts} parts" if one.parts > 1 else ""
        named = one.description or ", ".join(one.sources[:3])
        print(printable(f"{one.id:20} {quantity(one.characters, 'character'):>20}{parts}  {named}"))
    if not known:
        print("nothing is on file; add a document: dspy-programs documents ingest ID FILE", file=sys.stderr)


@app.command()
def rm(corpus: _Id, file: _FileOption = None) -> None:
    """Remove a corpus and everything kept of it."""
    from dspy_programs.documents import Documents

    Documents(file).remove(corpus)
    print(f"{corpus}: removed", file=sys.stderr)


@app.command()
def models() -> None:
    """Show which model fits into this machine's free memory, and how much context into its GPU's."""
    from dspy_programs.documents.model_choice import MODEL_CHOICES, chosen_for, free_gpu
    from dspy_programs.lm import free_memory

    ram, gpu = free_memory(), free_gpu()
    best = chosen_for(ram) if ram is not None else None
    for each in MODEL_CHOICES:
        context = each.context_in(gpu) if gpu is not None else 0
        on_gpu = f"; on the GPU {context:,} tokens" if context else ""
        print(f"{'*' if each is best else ' '} {each.needed / 1e9:4.1f} GB of RAM  {each.lm}{on_gpu}")
    told = [f"{free / 1e9:.1f} GB of {what} free" for free, what in ((ram, "RAM"), (gpu, "the GPU")) if free is not None]
    print("; ".join([*told, "none fits in RAM" if ram is not None and best is None else "* is the largest that fits in RAM"]))


def _model(lm: str | None, no_llm: bool, api_base: str | None, api_key: str | None) -> "dspy.LM | None":
    """Return the model that the options name, by default the embedded one; its answers are not cached."""
    if no_llm:
        return None
    from dspy_programs.lm import DEFAULT_SPEC, model_named

    return model_named(lm or DEFAULT_SPEC, api_base, api_key, no_cache=True)

"""python -m dspy_programs memory ...: thin commands over this package."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, NoCacheOption, ToolLmOption, new_app
from dspy_programs.errors import UsageError
from dspy_programs.lm import using
from dspy_programs.memory.command_files import (
    MADE_FROM,
    STANDARD,
    alone,
    as_given,
    as_messages,
    check,
    check_strict,
    digest_of,
    over,
    read,
    said,
    tell,
    warn_of_notes,
    write,
)

if TYPE_CHECKING:
    import dspy

    from dspy_programs.tokens import TokenCounter

app = new_app("Keep an agent's memory within a token budget, facts first.")

_PathArgument = Annotated[Path, typer.Argument(help="A memory file, a file of messages (JSON or JSON lines), or - for stdin.")]
_RecentOption = Annotated[int, typer.Option(min=0, help="How many of the latest entries to keep verbatim.")]
_OutputOption = Annotated[Path, typer.Option("--output", "-o", help="Where to write the memory; - for standard output.")]
_FormatOption = Annotated[
    Literal["store", "messages"],
    typer.Option("--format", help="store: a memory file, which can be restored; messages: for a chat API, in OpenAI's form."),
]
_StrictOption = Annotated[
    bool, typer.Option("--strict", help="With --format messages: users and assistants alternate, as some APIs require.")
]
NoLlmOption = Annotated[bool, typer.Option("--no-llm", help="Call no model; --lm then only selects the tokenizer.")]


@app.callback()
def memory() -> None:
    """Keep an agent's memory within a token budget, facts first."""


def counter_of(lm: str | None, model: "dspy.LM | None" = None) -> "TokenCounter | None":
    """Return the token counter of the model in use, else of the one that is named, if any."""
    from dspy_programs.tokens import counter_for, counter_named

    return (counter_for(model) if model else counter_named(lm)) if model or lm else None


@app.command()
def inspect(
    path: _PathArgument,
    lm: ToolLmOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Summarize a memory: entries, tokens, turns, roles and the most important entries. Calls no model."""
    from dspy_programs.memory.overview import overview
    from dspy_programs.memory.sessions.source import read_memory

    found = overview(read_memory(path, counter_of(lm)).store)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    roles = ", ".join(f"{role} {count:,}" for role, count in found["roles"].items())
    for name, value in {**found, "roles": roles, "exact": "yes" if found["exact"] else "no, an estimate"}.items():
        if name != "top":
            typer.echo(f"{name:<14} {value}".rstrip())
    for row in found["top"]:
        typer.echo(f"{row['score']:>6.3f}  turn {row['turn']}  {row['role']}: {row['preview']}")


@app.command()
def compress(
    path: _PathArgument,
    budget: Annotated[int, typer.Option(min=0, help="Token limit for the whole memory.")],
    output: _OutputOption,
    protected_recent: Annotated[
        int | None,
        typer.Option(
            min=0, help="How many of the latest entries to keep verbatim; by default 3, or fewer where room is short."
        ),
    ] = None,
    strategy: Annotated[
        Literal["auto", "summarize", "extract_facts", "archive"],
        typer.Option(help="auto: the least destructive strategy that fits the budget."),
    ] = "auto",
    fallback: Annotated[
        Literal["none", "extract"], typer.Option(help="What to do if the model fails: stop, or use an extract and mark it.")
    ] = "none",
    format_: _FormatOption = "store",
    strict: _StrictOption = False,
    originals: Annotated[
        Path | None,
        typer.Option(
            help="With --format messages: a memory file that restores them. If it exists, what was said since is added to it."
        ),
    ] = None,
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_llm: NoLlmOption = False,
    no_cache: NoCacheOption = False,
) -> None:
    """Compress a memory to fit a budget and print the savings as one line of JSON."""
    from dspy_programs.cli import show_progress
    from dspy_programs.memory.compressor import MemoryCompressor
    from dspy_programs.memory.store_file import file_of
    from dspy_programs.memory.strategies import STRATEGIES

    check(path, output, format_ == "messages", strict, originals)
    with alone(path, output, originals), using(None if no_llm else lm, api_base, api_key, no_cache) as model:
        made_from = {MADE_FROM: digest_of(path)} if originals else {}
        store, extra = read(path, originals, counter_of(lm, model))
        allowed = STRATEGIES if strategy == "auto" else (strategy,)
        compressor = MemoryCompressor(
            budget, protected_recent, strategies=allowed, fallback=None if fallback == "none" else fallback
        )
        with show_progress("compressing") as progress:
            report = compressor.compress(store, progress)
            while format_ == "messages" and (more := over(store, strict, budget)) > 0:
                room = max(0, report.final_tokens - more)  # what does not fit even so is an error
                report = compressor.compress(store, progress, target_budget=room).since(report.initial_tokens, budget)
        extra = {**extra, "last_report": report.to_dict()}
        if originals:  # first, so that an end in between leaves more than is needed, not less
            write(originals, file_of(store, {**extra, **made_from}, originals))
        write(output, as_messages(store, strict) if format_ == "messages" else file_of(store, extra, output))
    tell(output, report.summary())


@app.command()
def add(
    path: Annotated[Path, typer.Argument(help="A memory file; created if it does not exist.")],
    role: Annotated[Literal["system", "user", "assistant", "tool"], typer.Option(help="Who says it.")] = "user",
    content: Annotated[str | None, typer.Option(help="What is said; - for standard input.")] = None,
    messages: Annotated[
        Path | None, typer.Option(help="Add a file of messages instead, tool calls included; - for standard input.")
    ] = None,
) -> None:
    """Add to a memory file, even while other processes do. Calls no model."""
    from dspy_programs.memory.originals import restore as restored
    from dspy_programs.memory.sessions.source import read_memory
    from dspy_programs.memory.store_file import opened

    if (content is None) == (messages is None):
        raise UsageError("give --content TEXT or --messages FILE, and not both; - reads from standard input")
    text = said(content) if content is not None else ""
    more = restored(read_memory(messages).store).entries if messages else []
    with opened(path) as store:
        last = store.last_turn
        if content is not None:
            more = [store.add(role, text)]
        else:
            store.add_entries(entry.model_copy(update={"turn_number": last + n}) for n, entry in enumerate(more, 1))
        found = {"added": len(more), "entries": len(store), "tokens": store.token_total()}
    typer.echo(json.dumps(found))


@app.command()
def context(
    path: _PathArgument,
    max_tokens: Annotated[int, typer.Option(min=0, help="Token limit for the context.")] = 4000,
    protected_recent: _RecentOption = 3,
    system_message: Annotated[str | None, typer.Option(help="System message to put first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write chat messages as JSON.")] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it; - for standard output.")] = STANDARD,
    lm: ToolLmOption = None,
) -> None:
    """Print the context built from a memory within a token limit. Calls no model."""
    from dspy_programs.atomic_file import require_apart
    from dspy_programs.memory.context import ContextBuilder, ContextConfig
    from dspy_programs.memory.packed_originals import dumped
    from dspy_programs.memory.sessions.source import read_memory

    require_apart([] if output == STANDARD else [output], [path])
    store = read_memory(path, counter_of(lm)).store
    builder = ContextBuilder(ContextConfig(max_tokens=max_tokens, protected_recent=protected_recent))
    found = dumped(builder.build_messages(store, system_message)) if as_json else builder.build_context(store, system_message)
    write(output, f"{found}\n".encode("utf-8", "replace"))


@app.command()
def restore(
    path: _PathArgument,
    output: _OutputOption,
    format_: Annotated[
        Literal["store", "messages"], typer.Option("--format", help="store: a memory file; messages: as they were given.")
    ] = "store",
    strict: Annotated[
        bool, typer.Option("--strict", help="With --format messages: as the strictest chat APIs take them, not as given.")
    ] = False,
    originals: Annotated[
        Path | None, typer.Option(help="The memory file that `compress --originals` wrote, if PATH is its messages.")
    ] = None,
) -> None:
    """Write a memory with all original entries restored."""
    from dspy_programs.memory.originals import restore as restored
    from dspy_programs.memory.store_file import file_of

    if originals and not originals.exists():
        raise UsageError(f"{originals}: cannot be read: no such file; give the one that `compress --originals` wrote")
    check_strict(format_ == "messages", strict)
    with alone(path, output):
        compressed = read(path, originals).store
        store = restored(compressed)
        if format_ == "store":
            write(output, file_of(store, {}, output))
        else:
            write(output, as_messages(store, strict) if strict else as_given(store))
    behind = sum(len(entry.compression_history) for entry in compressed)
    warn_of_notes(store, path)
    tell(output, {"entries": len(store), "restored": behind, "tokens": store.token_total()})


@app.command()
def demo(budget: Annotated[int, typer.Option(min=0, help="Token limit for the memory.")] = 600) -> None:
    """Compress a sample session of 120 turns and show the result. Calls no model."""
    from dspy_programs.memory.demo import shown

    for line in shown(budget):
        typer.echo(line)

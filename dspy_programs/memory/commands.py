"""python -m dspy_programs memory ...: thin commands over this package."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, NoCacheOption, ToolLmOption, new_app
from dspy_programs.lm import using

if TYPE_CHECKING:
    import dspy

    from dspy_programs.memory.compressor import CompressionReport
    from dspy_programs.tokens import TokenCounter

app = new_app("Keep an agent's memory within a token budget, facts first.")

_PathArgument = Annotated[Path, typer.Argument(help="A memory file, a file of messages (JSON or JSON lines), or - for stdin.")]
_RecentOption = Annotated[int, typer.Option(min=0, help="How many of the latest entries to keep verbatim.")]
NoLlmOption = Annotated[bool, typer.Option("--no-llm", help="Call no model; --lm then only selects the tokenizer.")]


@app.callback()
def memory() -> None:
    """Keep an agent's memory within a token budget, facts first."""


def counter_of(lm: str | None, model: "dspy.LM | None" = None) -> "TokenCounter | None":
    """Return the token counter of the model in use, else of the one that is named, if any."""
    from dspy_programs.tokens import counter_for, counter_named

    if model is None:
        return counter_named(lm) if lm else None
    return own if (own := counter_for(model)).exact else counter_named(model.model)


@app.command()
def inspect(
    path: _PathArgument,
    lm: ToolLmOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Summarize a memory: entries, tokens, turns, roles and the most important entries. Calls no model."""
    from dspy_programs.memory.importance import ImportanceScorer
    from dspy_programs.memory.source import read_memory

    store = read_memory(path, counter_of(lm)).store
    turns = [entry.turn_number for entry in store]
    top = ImportanceScorer().score_store(store)[:5]
    found: dict[str, Any] = {
        "total_entries": len(store),
        "total_tokens": store.token_total(),
        "token_counter": store.counter.name,
        "exact": store.counter.exact,
        "oldest_turn": min(turns, default=0),
        "newest_turn": max(turns, default=0),
        "roles": dict(sorted(Counter(entry.role for entry in store).items())),
        "restorable": sum(len(entry.compression_history) for entry in store if entry.role == "compressed"),
        "top": [
            {"score": round(score, 3), "turn": entry.turn_number, "role": entry.role, "preview": preview(entry.text)}
            for entry, score in top
        ],
    }
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        if name != "top":
            typer.echo(f"{name:<14} {value}")
    for row in found["top"]:
        typer.echo(f"{row['score']:>6.3f}  turn {row['turn']}  {row['role']}: {row['preview']}")


def preview(text: str) -> str:
    """Return the start of a text on one line, without terminal control characters."""
    line = "".join(c if c.isprintable() else " " for c in text[:200])
    return line if len(line) <= 70 else f"{line[:67]}..."


@app.command()
def compress(
    path: _PathArgument,
    budget: Annotated[int, typer.Option(min=0, help="Token limit for the whole memory.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the compressed memory.")],
    protected_recent: _RecentOption = 3,
    strategy: Annotated[
        Literal["auto", "summarize", "extract_facts", "archive"],
        typer.Option(help="auto: the least destructive strategy that fits the budget."),
    ] = "auto",
    fallback: Annotated[
        Literal["none", "extract"], typer.Option(help="What to do if the model fails: stop, or use an extract and mark it.")
    ] = "none",
    format_: Annotated[
        Literal["store", "messages"],
        typer.Option("--format", help="store: originals can be restored; messages: ready for a chat API, without originals."),
    ] = "store",
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_llm: NoLlmOption = False,
    no_cache: NoCacheOption = False,
) -> None:
    """Compress a memory to fit a budget and print the savings as one line of JSON."""
    from dspy_programs.cli import show_progress
    from dspy_programs.memory.compressor import MemoryCompressor
    from dspy_programs.memory.entries import messages_in
    from dspy_programs.memory.source import read_memory
    from dspy_programs.memory.store_file import dumped, save
    from dspy_programs.memory.strategies import STRATEGIES

    with using(None if no_llm else lm, api_base, api_key, no_cache) as model:
        store = read_memory(path, counter_of(lm, model)).store
        allowed = STRATEGIES if strategy == "auto" else (strategy,)
        compressor = MemoryCompressor(
            budget, protected_recent, strategies=allowed, fallback=None if fallback == "none" else fallback
        )
        with show_progress("compressing") as progress:
            report = compressor.compress(store, progress)
    if format_ == "store":
        save(store, output, report.to_dict())
    else:
        from dspy_programs.atomic_file import write_atomically

        write_atomically(
            output, dumped(messages_in(entry for entry in store if entry.text or entry.role != "compressed")) + "\n"
        )
    typer.echo(json.dumps(summary_fields(report)))


def summary_fields(report: "CompressionReport") -> dict[str, Any]:
    return {
        "before": report.initial_tokens,
        "after": report.final_tokens,
        "saved": report.tokens_saved,
        "reduction_pct": round(100 * report.compression_ratio, 2),
        "strategy": report.strategy,
        "answered_by": report.answered_by,
        "fallbacks": report.fallbacks,
        "token_counter": report.token_counter,
        "exact": report.exact,
    }


@app.command()
def context(
    path: _PathArgument,
    max_tokens: Annotated[int, typer.Option(min=0, help="Token limit for the context.")] = 4000,
    protected_recent: _RecentOption = 3,
    system_message: Annotated[str | None, typer.Option(help="System message to put first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print chat messages as JSON.")] = False,
    lm: ToolLmOption = None,
) -> None:
    """Print the context built from a memory within a token limit. Calls no model."""
    from dspy_programs.memory.context import ContextBuilder, ContextConfig
    from dspy_programs.memory.source import read_memory

    store = read_memory(path, counter_of(lm)).store
    builder = ContextBuilder(ContextConfig(max_tokens=max_tokens, protected_recent=protected_recent))
    if as_json:
        typer.echo(json.dumps(builder.build_messages(store, system_message)))
    else:
        typer.echo(builder.build_context(store, system_message).encode("utf-8", "replace").decode())


@app.command()
def restore(
    path: _PathArgument, output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the restored memory.")]
) -> None:
    """Write a memory with all original entries restored."""
    from dspy_programs.memory.originals import restore as restored
    from dspy_programs.memory.source import read_memory
    from dspy_programs.memory.store_file import save

    store = restored(read_memory(path).store)
    save(store, output)
    typer.echo(json.dumps({"entries": len(store), "tokens": store.token_total()}))


@app.command()
def demo(budget: Annotated[int, typer.Option(min=0, help="Token limit for the memory.")] = 600) -> None:
    """Compress a sample session of 120 turns and show the result. Calls no model."""
    from dspy_programs.memory.compressor import MemoryCompressor
    from dspy_programs.memory.demo import FACTS, demo_store
    from dspy_programs.memory.originals import restore as restored

    store = demo_store()
    before = store.entries
    report = MemoryCompressor(budget).compress(store)
    for entry in store:
        typer.echo(f"{entry.role}: {entry.text}")
    live = "\n".join(entry.content for entry in store)
    kept = sum(fact in live for fact in FACTS.values())
    typer.echo(f"\n{len(before)} entries -> {len(store)}; {kept} of {len(FACTS)} facts kept verbatim; ", nl=False)
    typer.echo("all originals restored" if restored(store).entries == before else "originals differ")
    typer.echo(json.dumps(summary_fields(report)))

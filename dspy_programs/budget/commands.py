"""python -m dspy_programs budget ...: thin commands over this package.

analyze P                 token count of each section
binding P                 the sentences that bind, numbered
negotiate P               find a smaller prompt that keeps its quality
apply P RESULT -o NEW     write the smaller prompt
check P --max-tokens N    exit 1 if a prompt is too large
check-ollama, check-openrouter
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspy_programs.cli import GATE_CLOSED, ApiBaseOption, ApiKeyOption, NoCacheOption, ToolLmOption, new_app, show_progress
from dspy_programs.text import printable, quantity

if TYPE_CHECKING:
    from dspy_programs.budget.result import NegotiationResult
    from dspy_programs.types import Rubric

app = new_app("Find a smaller prompt whose outputs are as good as the full one's.")
_PromptArgument = Annotated[Path, typer.Argument(help="Prompt file: YAML with sections, or text (.md, .txt).")]
_TokensOption = Annotated[
    str | None, typer.Option("--tokens", help="Count tokens as this model does, e.g. openai/gpt-4.1-mini.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_BaseUrl = Annotated[str | None, typer.Option("--api-base", help="URL of the server. Default: its usual address.")]
_ScorerName = Literal["offline", "sections", "judge", "outputs", "ollama", "openrouter"]


class _Strategy(StrEnum):
    """A list of choices must be an enumeration here."""

    REMOVE = "remove"
    COMPRESS = "compress"
    REORDER = "reorder"


@app.callback()
def budget(
    context: typer.Context, verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also print the log.")] = False
) -> None:
    """Find a smaller prompt whose outputs are as good as the full one's."""
    context.obj = verbose


@app.command()
def analyze(prompt: _PromptArgument, tokens: _TokensOption = None, as_json: JsonOption = False) -> None:
    """Count the tokens in each section of a prompt."""
    from dspy_programs.budget import analysis
    from dspy_programs.budget.prompts.prompt import read_prompt
    from dspy_programs.tokens import counter_named

    found = analysis.analyze(read_prompt(prompt), counter_named(tokens))
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        _show(f"Token Distribution Analysis:\n{analysis.table(found)}")


def _show(text: str) -> None:
    """Print for people: nothing that a prompt or a file's name says steers the terminal."""
    print(printable(text))


@app.command()
def binding(prompt: _PromptArgument, as_json: JsonOption = False) -> None:
    """List the sentences that bind, with the numbers that `negotiate --allow` takes."""
    from dspy_programs.budget.prompts.binding import binding_sentences
    from dspy_programs.budget.prompts.prompt import read_prompt

    found = binding_sentences(read_prompt(prompt))
    if as_json:
        import json

        print(json.dumps([{"number": at, **one._asdict()} for at, one in enumerate(found, 1)], indent=2, ensure_ascii=False))
        return
    for at, one in enumerate(found, 1):
        _show(f"[{at}] {f'{one.lead_in} ' if one.lead_in else ''}{one.text} ({one.section}; {one.kind}; {one.why})")
    print(f"{quantity(len(found), 'binding sentence')}")


@app.command()
def negotiate(
    context: typer.Context,
    prompt: _PromptArgument,
    examples: Annotated[
        Path | None, typer.Option(help="JSONL of {input, expected}, or of {input}: measure the model's outputs on these.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            help="Binding sentences that may go: all, none, statements, numbers (3,7) or a part of their text; repeatable."
        ),
    ] = None,
    rubric: Annotated[
        str | None,
        typer.Option("--rubric", "-r", help="YAML file, or a shipped one: qa, coding, ... or default. Default: qa."),
    ] = None,
    scorer: Annotated[
        _ScorerName | None,
        typer.Option("--scorer", "-s", help="Scorer to use. Default: with --examples, outputs; else none."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Model name on Ollama or OpenRouter.")] = None,
    threshold: Annotated[float, typer.Option("--threshold", "-t", help="Smallest share of the score to keep.")] = 0.95,
    min_savings: Annotated[float, typer.Option(help="Stop once this share of the tokens is saved; less is no success.")] = 0.40,
    max_savings: Annotated[float, typer.Option(help="Never save more than this share of the tokens.")] = 0.60,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the result to this file.")] = None,
    form: Annotated[Literal["json", "yaml"], typer.Option("--format", "-f", help="Format of --output.")] = "json",
    html: Annotated[Path | None, typer.Option(help="Write an HTML report: what goes, why, and every changed word.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Print the prompt with [-what goes-] and {+what is new+}.")] = False,
    strategy: Annotated[
        list[_Strategy] | None,
        typer.Option(
            help="remove sections, compress them by their sentences, reorder them; repeatable. "
            "Default: compress with --examples, else remove."
        ),
    ] = None,
    task: Annotated[str, typer.Option(help="What the prompt is for; read by scorers that use a model.")] = "",
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    tokens: _TokensOption = None,
    no_cache: NoCacheOption = False,
    as_json: JsonOption = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also print the log.")] = False,
) -> None:
    """Find a smaller prompt that keeps its quality; with 1, and nothing written, if unallowed binding sentences would go."""
    from dspy_programs.atomic_file import require_apart, require_writable, write_atomically
    from dspy_programs.budget.consent import refusal
    from dspy_programs.budget.factories import model_of, scorer_of
    from dspy_programs.budget.negotiator import Negotiator
    from dspy_programs.budget.prompts.prompt import read_prompt
    from dspy_programs.budget.report import as_html, serialize
    from dspy_programs.tokens import counter_for, counter_named

    outputs = [path for path in (output, html) if path]
    require_apart(outputs, [prompt, *([examples] if examples else []), *([Path(rubric)] if rubric else [])])
    sections = read_prompt(prompt)
    wanted = _rubric_named(rubric)
    for path in outputs:
        require_writable(path)
    language_model = model_of(scorer, model, lm, typed(context, "api_base"), typed(context, "api_key"), cache=not no_cache)
    negotiator = Negotiator(
        scorer_of(scorer, language_model, examples, judged=rubric is not None),
        threshold,
        min_savings,
        max_savings,
        strategies=[item.value for item in strategy] if strategy else None,
        allow=allow,
        counter=counter_named(tokens) if tokens else counter_for(language_model),
    )
    if price := negotiator.price(sections):
        print(_price_line(price.calls, price.characters), file=sys.stderr)
    with show_progress("scoring calls") as progress:
        result = negotiator.negotiate(sections, wanted, task, progress)
    refused = refusal(result.lost)
    _print_result(result, verbose or bool(context.obj), as_json, diff)
    if refused:
        print(refused, file=sys.stderr)
        if output or html or as_json:
            raise typer.Exit(GATE_CLOSED)
    if output:
        write_atomically(output, serialize(result, form))
    if html:
        write_atomically(html, as_html(result, negotiator.counter.count))
    for path in outputs:
        if not as_json:
            _show(f"Results saved to {path}")


def _rubric_named(name: str | None) -> "Rubric":
    """Return a shipped rubric, or the one in a file."""
    from dspy_programs.budget.negotiator import DEFAULT_RUBRIC
    from dspy_programs.rubric import read_rubric, rubric_of, shipped_rubrics

    chosen = DEFAULT_RUBRIC if name in (None, "default") else name or ""
    is_file = chosen not in shipped_rubrics() and (Path(chosen).suffix or Path(chosen).exists())
    return read_rubric(chosen) if is_file else rubric_of(chosen)


def _price_line(calls: int, characters: int) -> str:
    return (
        f"At most {calls:,} calls that read about {characters // 4:,} tokens; answers are cached, and the same command resumes."
    )


def typed(context: typer.Context, name: str) -> str | None:
    """Return an option from the command line; one from the environment belongs to DSPY_PROGRAMS_LM (see lm.connect)."""
    source = context.get_parameter_source(name)
    return context.params[name] if source is not None and source.name == "COMMANDLINE" else None


def _print_result(result: "NegotiationResult", verbose: bool, as_json: bool, with_diff: bool) -> None:
    from dspy_programs.budget.report import marked_diff, serialize, summary

    if as_json:
        print(serialize(result), end="")
        return
    if verbose:
        _show("\n".join(result.log))
    _show(summary(result))
    if with_diff:
        _show(f"\n{marked_diff(result)}")


@app.command()
def check(
    prompt: _PromptArgument,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Limit: tokens in the whole prompt.")] = None,
    max_share: Annotated[float | None, typer.Option(min=0, max=1, help="Limit: share of any one section.")] = None,
    tokens: _TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Exit with 1 if a prompt or one of its sections is too large; for CI."""
    from dspy_programs.budget.analysis import analyze, problems
    from dspy_programs.budget.prompts.prompt import read_prompt
    from dspy_programs.errors import UsageError
    from dspy_programs.tokens import counter_named

    if max_tokens is None and max_share is None:
        raise UsageError("give a limit: --max-tokens N, --max-share SHARE or both")
    found = analyze(read_prompt(prompt), counter_named(tokens))
    broken = problems(found, max_tokens, max_share)
    if as_json:
        import json

        print(json.dumps({"ok": not broken, "problems": broken, "analysis": found.model_dump()}, indent=2))
    else:
        _show("\n".join(f"{prompt}: {problem}" for problem in broken) or f"{prompt}: {found.joined} tokens, within limits")
    if broken:
        raise typer.Exit(GATE_CLOSED)


@app.command()
def apply(
    prompt: _PromptArgument,
    result: Annotated[Path, typer.Argument(help="The file that negotiate wrote with --output.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The new prompt: .yaml for sections, .md or .txt for plain text.")
    ],
) -> None:
    """Write the smaller prompt; refused if the result was made from a different prompt."""
    from dspy_programs.atomic_file import require_apart, write_atomically
    from dspy_programs.budget.consent import listed, losses, refusal
    from dspy_programs.budget.prompts.prompt import TEXT_SUFFIXES, as_yaml, joined, read_prompt
    from dspy_programs.budget.redundancy import added
    from dspy_programs.budget.report import read_result_file
    from dspy_programs.budget.result import digest
    from dspy_programs.errors import UsageError

    require_apart([output], [result])
    found = read_result_file(result)
    new = found.optimized_sections
    if found.original_sha256 != digest(read_prompt(prompt)) or digest(found.original_sections) != found.original_sha256:
        raise UsageError(f"{prompt}: not the prompt {result} was made from; run negotiate again")
    if (changed := added(found.original_sections, new)) or joined(new) != found.optimized_prompt:
        where = f"section {changed!r}" if changed else "optimized_prompt"
        raise UsageError(f"{result}: {where} was changed since negotiate wrote it; run negotiate again")
    allowed = {one.number for one in found.lost if one.allowed}
    lost = losses(found.original_sections, new, [str(number) for number in allowed] or ["none"], {})
    if lost:
        _show(f"Binding sentences that go ({len(lost)}):\n{listed(lost)}")
    if refused := refusal(lost):
        print(refused, file=sys.stderr)
        raise typer.Exit(GATE_CLOSED)
    is_text = output.suffix.lower() in TEXT_SUFFIXES
    write_atomically(output, f"{found.optimized_prompt}\n" if is_text else as_yaml(new))
    _show(f"{output}: {found.optimized_token_count} tokens (before: {found.original_token_count})")


@app.command("check-ollama")
def check_ollama(
    model: Annotated[str | None, typer.Option("--model", "-m", help="Model to look for.")] = None, api_base: _BaseUrl = None
) -> None:
    """Check that Ollama answers and has the model; exit with 1 otherwise."""
    _check_server("ollama", model, api_base)


@app.command("check-openrouter")
def check_openrouter(
    model: Annotated[str | None, typer.Option("--model", "-m", help="Model to look for.")] = None, api_base: _BaseUrl = None
) -> None:
    """Check that OpenRouter accepts the key in OPENROUTER_API_KEY and has the model; exit with 1 otherwise."""
    _check_server("openrouter", model, api_base)


def _check_server(name: str, model: str | None, base: str | None) -> None:
    from dspy_programs.lm import check as checked, server_named

    server = server_named(name, model, base)
    status = checked(server)
    place = "Host" if name == "ollama" else "Base URL"
    print(f"{server.title} is {'connected' if status.connected else f'not connected: {status.problem}'}")
    print(f"  {place}: {server.base}\n  Model requested: {server.model}")
    if status.connected:
        print(f"  Model available: {'Yes' if status.available else 'No'}")
    if not status.available:
        raise typer.Exit(GATE_CLOSED)

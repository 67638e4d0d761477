"""python -m dspy_programs budget ...: thin commands over this package.

analyze P                 token count of each section
binding P                 the sentences that bind, numbered
negotiate P               find a smaller prompt that keeps its quality
apply P RESULT -o NEW     write the smaller prompt
check P --max-tokens N    exit 1 if a prompt is too large
check-ollama, check-openrouter
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.budget.negotiate_command import negotiate
from dspy_programs.budget.options import JsonOption, PromptArgument, TokensOption, VerboseOption, show
from dspy_programs.cli import GATE_CLOSED, new_app
from dspy_programs.text import quantity

app = new_app("Find a smaller prompt whose outputs are as good as the full one's.")
_BaseUrl = Annotated[str | None, typer.Option("--api-base", help="URL of the server. Default: its usual address.")]


@app.callback()
def budget(context: typer.Context, verbose: VerboseOption = False) -> None:
    """Find a smaller prompt whose outputs are as good as the full one's."""
    context.obj = verbose


@app.command()
def analyze(prompt: PromptArgument, tokens: TokensOption = None, as_json: JsonOption = False) -> None:
    """Count the tokens in each section of a prompt."""
    from dspy_programs.budget import analysis
    from dspy_programs.budget.prompts.prompt import read_prompt
    from dspy_programs.tokens import counter_named

    found = analysis.analyze(read_prompt(prompt), counter_named(tokens))
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        show(f"Token Distribution Analysis:\n{analysis.table(found)}")


@app.command()
def binding(prompt: PromptArgument, as_json: JsonOption = False) -> None:
    """List the sentences that bind, with the numbers that `negotiate --allow` takes."""
    from dspy_programs.budget.prompts.binding import binding_sentences
    from dspy_programs.budget.prompts.prompt import read_prompt

    found = binding_sentences(read_prompt(prompt))
    if as_json:
        import json

        print(json.dumps([{"number": at, **one._asdict()} for at, one in enumerate(found, 1)], indent=2, ensure_ascii=False))
        return
    for at, one in enumerate(found, 1):
        show(f"[{at}] {f'{one.lead_in} ' if one.lead_in else ''}{one.text} ({one.section}; {one.kind}; {one.why})")
    print(f"{quantity(len(found), 'binding sentence')}")


app.command()(negotiate)


@app.command()
def check(
    prompt: PromptArgument,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Limit: tokens in the whole prompt.")] = None,
    max_share: Annotated[float | None, typer.Option(min=0, max=1, help="Limit: share of any one section.")] = None,
    tokens: TokensOption = None,
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
        show("\n".join(f"{prompt}: {problem}" for problem in broken) or f"{prompt}: {found.joined} tokens, within limits")
    if broken:
        raise typer.Exit(GATE_CLOSED)


@app.command()
def apply(
    prompt: PromptArgument,
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
        show(f"Binding sentences that go ({len(lost)}):\n{listed(lost)}")
    if refused := refusal(lost):
        print(refused, file=sys.stderr)
        raise typer.Exit(GATE_CLOSED)
    is_text = output.suffix.lower() in TEXT_SUFFIXES
    write_atomically(output, f"{found.optimized_prompt}\n" if is_text else as_yaml(new))
    show(f"{output}: {found.optimized_token_count} tokens (before: {found.original_token_count})")


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

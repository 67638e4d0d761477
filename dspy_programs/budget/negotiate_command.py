"""python -m dspy_programs budget negotiate: from options to a negotiation, and its result printed or written."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspy_programs.budget.options import JsonOption, PromptArgument, TokensOption, VerboseOption, show
from dspy_programs.cli import GATE_CLOSED, ApiBaseOption, ApiKeyOption, NoCacheOption, ToolLmOption, show_progress

if TYPE_CHECKING:
    from dspy_programs.budget.measuring.measure import Price
    from dspy_programs.budget.result import NegotiationResult
    from dspy_programs.types import Rubric

_ScorerName = Literal["offline", "sections", "judge", "outputs", "ollama", "openrouter"]


class _Strategy(StrEnum):
    """A list of choices must be an enumeration here."""

    REMOVE = "remove"
    COMPRESS = "compress"
    REORDER = "reorder"


_ExamplesOption = Annotated[
    Path | None, typer.Option(help="JSONL of {input, expected}, or of {input}: measure the model's outputs on these.")
]
_AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Binding sentences that may go: all, none, statements, numbers (3,7) or a part of their text; repeatable."
    ),
]
_RubricOption = Annotated[
    str | None,
    typer.Option("--rubric", "-r", help="YAML file, or a shipped one: qa, coding, ... or default. Default: qa."),
]
_ScorerOption = Annotated[
    _ScorerName | None,
    typer.Option("--scorer", "-s", help="Scorer to use. Default: with --examples, outputs; else none."),
]
_ModelOption = Annotated[str | None, typer.Option("--model", "-m", help="Model name on Ollama or OpenRouter.")]
_ThresholdOption = Annotated[float, typer.Option("--threshold", "-t", help="Smallest share of the score to keep.")]
_MinSavingsOption = Annotated[float, typer.Option(help="Stop once this share of the tokens is saved; less is no success.")]
_MaxSavingsOption = Annotated[float, typer.Option(help="Never save more than this share of the tokens.")]
_OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="Write the result to this file.")]
_FormOption = Annotated[Literal["json", "yaml"], typer.Option("--format", "-f", help="Format of --output.")]
_HtmlOption = Annotated[Path | None, typer.Option(help="Write an HTML report: what goes, why, and every changed word.")]
_DiffOption = Annotated[bool, typer.Option("--diff", help="Print the prompt with [-what goes-] and {+what is new+}.")]
_StrategyOption = Annotated[
    list[_Strategy] | None,
    typer.Option(
        help="remove sections, compress them by their sentences, reorder them; repeatable. "
        "Default: compress with --examples, else remove."
    ),
]
_TaskOption = Annotated[str, typer.Option(help="What the prompt is for; read by scorers that use a model.")]


def negotiate(
    context: typer.Context,
    prompt: PromptArgument,
    examples: _ExamplesOption = None,
    allow: _AllowOption = None,
    rubric: _RubricOption = None,
    scorer: _ScorerOption = None,
    model: _ModelOption = None,
    threshold: _ThresholdOption = 0.95,
    min_savings: _MinSavingsOption = 0.40,
    max_savings: _MaxSavingsOption = 0.60,
    output: _OutputOption = None,
    form: _FormOption = "json",
    html: _HtmlOption = None,
    diff: _DiffOption = False,
    strategy: _StrategyOption = None,
    task: _TaskOption = "",
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    tokens: TokensOption = None,
    no_cache: NoCacheOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Find a smaller prompt that keeps its quality; exit with 1, writing nothing, if unallowed binding sentences would go."""
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
    language_model = model_of(scorer, model, lm, _typed(context, "api_base"), _typed(context, "api_key"), cache=not no_cache)
    negotiator = Negotiator(
        scorer_of(scorer, language_model, examples, judged=rubric is not None),
        threshold,
        min_savings,
        max_savings,
        strategies=[item.value for item in strategy] if strategy else None,
        allow=allow,
        counter=counter_named(tokens) if tokens else counter_for(language_model),
    )
    _tell_price(negotiator.price(sections))
    with show_progress("scoring calls") as progress:
        result = negotiator.negotiate(sections, wanted, task, progress)
    _print(result, verbose or bool(context.obj), as_json, diff)
    if refused := refusal(result.lost):
        print(refused, file=sys.stderr)
        if outputs or as_json:
            raise typer.Exit(GATE_CLOSED)
    if output:
        write_atomically(output, serialize(result, form))
    if html:
        write_atomically(html, as_html(result, negotiator.counter.count))
    for path in [] if as_json else outputs:
        show(f"Results saved to {path}")


def _rubric_named(name: str | None) -> "Rubric":
    """Return a shipped rubric, or the one in a file."""
    from dspy_programs.budget.negotiator import DEFAULT_RUBRIC
    from dspy_programs.rubric import read_rubric, rubric_of, shipped_rubrics

    chosen = DEFAULT_RUBRIC if name in (None, "default") else name or ""
    is_file = chosen not in shipped_rubrics() and (Path(chosen).suffix or Path(chosen).exists())
    return read_rubric(chosen) if is_file else rubric_of(chosen)


def _tell_price(price: "Price | None") -> None:
    if price:
        most = f"At most {price.calls:,} calls that read about {price.characters // 4:,} tokens"
        print(f"{most}; answers are cached, and the same command resumes.", file=sys.stderr)


def _typed(context: typer.Context, name: str) -> str | None:
    """Return an option from the command line; one from the environment belongs to DSPY_PROGRAMS_LM (see lm.connect)."""
    source = context.get_parameter_source(name)
    return context.params[name] if source is not None and source.name == "COMMANDLINE" else None


def _print(result: "NegotiationResult", verbose: bool, as_json: bool, with_diff: bool) -> None:
    from dspy_programs.budget.report import marked_diff, serialize, summary

    if as_json:
        print(serialize(result), end="")
        return
    if verbose:
        show("\n".join(result.log))
    show(summary(result))
    if with_diff:
        show(f"\n{marked_diff(result)}")

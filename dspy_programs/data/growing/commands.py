"""python -m dspy_programs data run, status: thin commands over this part."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import MODEL_STOPPED, ApiBaseOption, ApiKeyOption, NoLlmOption, ToolLmOption
from dspy_programs.data.options import DataOption, JsonOption, MaxMinutesOption, MaxTokensOption, MaxUsdOption, print_result
from dspy_programs.errors import ModelFailing
from dspy_programs.text import printable

_FlywheelsDataOption = Annotated[Path | None, typer.Option("-d", hidden=True, help="The data flywheel's --data.")]


def run(
    seeds: Annotated[str | None, typer.Option("-s", "--seeds", help='Seeds with commas between them: "a,b".')] = None,
    seeds_file: Annotated[
        Path | None, typer.Option(help="A file of seeds: one a line, or a .jsonl of pairs (instruction, input, output).")
    ] = None,
    from_name: Annotated[str | None, typer.Option("--from", help="A data set whose pairs are seeds.")] = None,
    max_seeds: Annotated[int, typer.Option(min=1, help="With --from: how many pairs, drawn at random.")] = 100,
    failures: Annotated[
        Path | None, typer.Option(help="Reports of `failures classify -o` or `batch -o`: make pairs that teach to do it right.")
    ] = None,
    data: DataOption = Path("data"),
    name: Annotated[
        str | None, typer.Option("-n", "--name", help='Of the growth and its data set. Default: "grown", the only one here.')
    ] = None,
    max_cycles: Annotated[int, typer.Option(min=1, envvar="MAX_CYCLES", help="Cycles in all, with those done.")] = 3,
    min_pass_rate: Annotated[
        float, typer.Option(min=0, max=1, envvar="MIN_PASS_RATE", help="No further cycle after one that passes less.")
    ] = 0.5,
    template: Annotated[
        list[str] | None,
        typer.Option(help="QA, INSTRUCTION, REASONING, CREATIVE, TOOL_USE or CODE; several alternate. Default: INSTRUCTION."),
    ] = None,
    strategy: Annotated[
        list[str] | None, typer.Option(help="seed, evolve, back-translate or persona; several alternate. Default: seed.")
    ] = None,
    per_seed: Annotated[int | None, typer.Option(help="Pairs to make of each seed in a cycle, 1 to 8. Default: 2.")] = None,
    checks: Annotated[str | None, typer.Option(help="Checks of `validate` for each new pair, with commas.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on; what is not given is as before.")] = False,
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_llm: NoLlmOption = False,
    judge_lm: Annotated[
        str | None,
        typer.Option(
            help="Another model to judge, of a provider or local/. Default: the one that writes; if that is local/, rules."
        ),
    ] = None,
    rubric: Annotated[
        str | None, typer.Option(help="A shipped rubric's name, or a file. Default: quality; rules judge form alone.")
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=256, envvar="GENERATOR_CONCURRENCY", help="Requests at once to a server. Default: 5."),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, envvar="GENERATOR_TEMPERATURE", help="Of what is written. Default: 0.7.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(min=0, max=1, envvar="GENERATOR_TOP_P", help="Of what is written. Default: the model's.")
    ] = None,
    reply_tokens: Annotated[
        int | None, typer.Option(min=1, envvar="GENERATOR_MAX_TOKENS", help="Of one reply. Default: 2048.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, envvar="GENERATOR_TIMEOUT", help="Seconds for one reply. Default: 120.")
    ] = None,
    max_usd: MaxUsdOption = None,
    max_tokens: MaxTokensOption = None,
    max_minutes: MaxMinutesOption = None,
    max_pairs: Annotated[int | None, typer.Option(min=1, help="Stop when so many pairs have passed, in all cycles.")] = None,
    as_json: JsonOption = False,
    flywheels_data: _FlywheelsDataOption = None,
) -> None:
    """Grow a data set: new pairs out of seeds are checked and judged; what fails seeds the next cycle.

    The pairs that passed are the data set NAME. A cycle that was cut, by Ctrl-C, a limit or a crash, is finished by the same
    command with --resume; no answer is paid for twice.

    Example: dspy-programs data run -s "rye bread,the tides" --lm local/qwen2.5-coder-1.5b --per-seed 1 --max-cycles 3 --resume

    Exit code: 0, also below --min-pass-rate or at a limit; 3 if a model does not answer; 2 for a wrong option; 130 after
    Ctrl-C.
    """
    from dspy_programs.cli import show_progress
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.growing.asked_growth import AskedGrowth, GrowthOptions
    from dspy_programs.data.growing.show import line_of_cycle, lines_of_growth

    options = GrowthOptions(
        seeds=seeds,
        seeds_file=seeds_file,
        from_name=from_name,
        max_seeds=max_seeds,
        failures=failures,
        name=name,
        max_cycles=max_cycles,
        min_pass_rate=min_pass_rate,
        template=template,
        strategy=strategy,
        per_seed=per_seed,
        checks=checks,
        lm=lm,
        api_base=api_base,
        no_llm=no_llm,
        judge_lm=judge_lm,
        rubric=rubric,
        concurrency=concurrency,
        temperature=temperature,
        top_p=top_p,
        reply_tokens=reply_tokens,
        timeout=timeout,
        max_usd=max_usd,
        max_tokens=max_tokens,
        max_minutes=max_minutes,
        max_pairs=max_pairs,
    )
    asked = AskedGrowth(options, DataFolder(flywheels_data or data), resume, api_key)
    try:
        with show_progress(f"growing {asked.files.dataset}") as progress:
            grown = asked.run(progress, lambda cycle: print(line_of_cycle(cycle), file=sys.stderr, flush=True))
    except ModelFailing as error:
        print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        raise typer.Exit(MODEL_STOPPED) from None
    print_result(grown.model_dump(mode="json"), lines_of_growth(grown), as_json)


def status(data: DataOption = Path("data"), as_json: JsonOption = False, flywheels_data: _FlywheelsDataOption = None) -> None:
    """Show what has grown: a line for each cycle, and the totals of each data set."""
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.growing.growth_files import growths_in
    from dspy_programs.data.growing.show import lines_of_status, status_of

    data = flywheels_data or data
    found = [status_of(files) for files in growths_in(DataFolder(data))]
    if not found:
        typer.echo(f'nothing has grown in {data} yet; grow pairs: dspy-programs data run -s "a,b"', err=True)
    print_result([each.model_dump(mode="json") for each in found], lines_of_status(found), as_json)

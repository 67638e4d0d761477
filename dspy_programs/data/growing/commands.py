"""python -m dspy_programs data run, status: thin commands over this part."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import MODEL_STOPPED, ApiBaseOption, ApiKeyOption, NoLlmOption, ToolLmOption
from dspy_programs.data.growing.options import (
    ChecksOption,
    ConcurrencyOption,
    FailuresOption,
    FromNameOption,
    JudgeLmOption,
    MaxCyclesOption,
    MaxPairsOption,
    MaxSeedsOption,
    MinPassRateOption,
    NameOption,
    PerSeedOption,
    ReplyTokensOption,
    ResumeOption,
    RubricOption,
    SeedsFileOption,
    SeedsOption,
    StrategyOption,
    TemperatureOption,
    TemplateOption,
    TimeoutOption,
    TopPOption,
)
from dspy_programs.data.options import DataOption, JsonOption, MaxMinutesOption, MaxTokensOption, MaxUsdOption, print_result
from dspy_programs.errors import ModelFailing
from dspy_programs.text import printable

_FlywheelsDataOption = Annotated[Path | None, typer.Option("-d", hidden=True, help="The data flywheel's --data.")]


def run(
    seeds: SeedsOption = None,
    seeds_file: SeedsFileOption = None,
    from_name: FromNameOption = None,
    max_seeds: MaxSeedsOption = 100,
    failures: FailuresOption = None,
    data: DataOption = Path("data"),
    name: NameOption = None,
    max_cycles: MaxCyclesOption = 3,
    min_pass_rate: MinPassRateOption = 0.5,
    template: TemplateOption = None,
    strategy: StrategyOption = None,
    per_seed: PerSeedOption = None,
    checks: ChecksOption = None,
    resume: ResumeOption = False,
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_llm: NoLlmOption = False,
    judge_lm: JudgeLmOption = None,
    rubric: RubricOption = None,
    concurrency: ConcurrencyOption = None,
    temperature: TemperatureOption = None,
    top_p: TopPOption = None,
    reply_tokens: ReplyTokensOption = None,
    timeout: TimeoutOption = None,
    max_usd: MaxUsdOption = None,
    max_tokens: MaxTokensOption = None,
    max_minutes: MaxMinutesOption = None,
    max_pairs: MaxPairsOption = None,
    as_json: JsonOption = False,
    flywheels_data: _FlywheelsDataOption = None,
) -> None:
    """Grow a data set: new pairs out of seeds are checked and judged; what fails seeds the next cycle.

    The pairs that passed are the data set NAME. A cycle that was interrupted, by Ctrl-C, a limit or a crash, is finished by
    the same command with --resume; no answer is paid for twice.

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

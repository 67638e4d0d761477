"""python -m dspy_programs data run, status: thin commands over this part."""

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import MODEL_STOPPED, ApiBaseOption, ApiKeyOption, NoLlmOption, ToolLmOption
from dspy_programs.data.options import JsonOption, print_result
from dspy_programs.errors import ModelFailing, UsageError
from dspy_programs.text import printable

if TYPE_CHECKING:
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.growing.seed import Seed

_AT_ONCE = 5
DataOption = Annotated[Path, typer.Option("--data", "-d", envvar="DSPY_PROGRAMS_DATA", help="The folder of data sets.")]


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
    concurrency: Annotated[int | None, typer.Option(min=1, max=256, help="Requests at once to a server. Default: 5.")] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, envvar="GENERATOR_TEMPERATURE", help="Of what is written. Default: 0.7.")
    ] = None,
    reply_tokens: Annotated[
        int | None, typer.Option(min=1, envvar="GENERATOR_MAX_TOKENS", help="Of one reply. Default: 2048.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, envvar="GENERATOR_TIMEOUT", help="Seconds for one reply. Default: 120.")
    ] = None,
    max_usd: Annotated[float | None, typer.Option(min=0, help="Stop asking at this cost, in US dollars.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Stop asking at so many tokens, prompts and replies.")] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Stop asking after so long.")] = None,
    max_pairs: Annotated[int | None, typer.Option(min=1, help="Stop when so many pairs have passed, in all cycles.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Grow a data set: new pairs out of seeds are checked and judged; what fails seeds the next cycle.

    The pairs that passed are the data set NAME. A cycle that was cut, by Ctrl-C, a limit or a crash, is finished by the same
    command with --resume; no answer is paid for twice.

    Example: dspy-programs data run -s "rye bread,the tides" --lm local/qwen2.5-coder-1.5b --per-seed 1 --max-cycles 3 --resume

    Exit code: 0, also below --min-pass-rate or at a limit; 3 if a model does not answer; 2 for a wrong option; 130 after
    Ctrl-C.
    """
    from dspy_programs.cli import show_progress
    from dspy_programs.data.checks.options import checked_names
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.growing.checking import USUAL, usual_check
    from dspy_programs.data.growing.growth import grow
    from dspy_programs.data.growing.growth_files import GrowthFiles, Plan
    from dspy_programs.data.growing.models import WRITTEN, judge_by_rules, judge_on, writer_on
    from dspy_programs.data.growing.request import Settings
    from dspy_programs.data.growing.show import line_of_cycle, lines_of_growth
    from dspy_programs.data.judging.commands import rubric_at
    from dspy_programs.data.judging.which_model import Spec
    from dspy_programs.data.spending import Limits, Meter
    from dspy_programs.rubric import DEFAULT, rubric_of

    folder = DataFolder(data)
    files = GrowthFiles(folder, name)
    before = (files.begun() if resume else None) or Plan(seeds=[])
    settings = Settings(
        templates=template or before.settings.templates,
        strategies=strategy or before.settings.strategies,
        per_seed=per_seed or before.settings.per_seed,
    ).checked()
    lm = None if no_llm else lm or before.lm
    api_base = api_base or (before.api_base if lm == before.lm else None)
    judge_lm = None if no_llm else judge_lm or before.judge_lm
    writing = Spec(lm, api_base, api_key) if lm else None
    judging = Spec(judge_lm) if judge_lm else None if lm and lm.startswith("local/") else writing
    if max_usd is not None and all(spec is None or spec.lm.startswith("local/") for spec in (writing, judging)):
        raise UsageError("--max-usd: this is free; limit --max-minutes or --max-pairs instead")
    asked = rubric or before.rubric
    start = _seeds(folder, seeds, seeds_file, from_name, max_seeds, failures)
    if not start and not before.seeds:
        raise UsageError('nothing to grow from: give -s "a,b", --seeds-file, --from or --failures')
    check = usual_check(checked_names(checks.split(",")) if checks else USUAL)
    judged_by = rubric_at(asked) if asked else None
    if failures and writing is None:
        warnings.warn("rules make exercises of a failure's goal, but teach nothing about it; give --lm", stacklevel=1)
    meter = Meter(Limits(max_usd, max_tokens, max_minutes))
    free = all(spec is None or spec.lm.startswith("local/") for spec in (writing, judging))
    try:
        with show_progress(f"growing {files.dataset}") as progress:
            grown = grow(
                start,
                folder,
                name=name,
                write=writer_on(writing, files, meter, temperature, reply_tokens, timeout),
                check=check,
                judge=judge_on(judging, judged_by or rubric_of(DEFAULT), files, meter)
                if judging
                else judge_by_rules(judged_by or (WRITTEN if writing else None)),
                settings=settings,
                plan=Plan(seeds=start, lm=lm, api_base=api_base, judge_lm=judge_lm, rubric=asked),
                max_cycles=max_cycles,
                min_pass_rate=min_pass_rate,
                max_pairs=max_pairs,
                at_once=1 if free else concurrency or _AT_ONCE,
                resume=resume,
                meter=meter,
                progress=progress,
                on_cycle=lambda cycle: print(line_of_cycle(cycle), file=sys.stderr, flush=True),
            )
    except ModelFailing as error:
        print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        raise typer.Exit(MODEL_STOPPED) from None
    print_result(grown.model_dump(mode="json"), lines_of_growth(grown), as_json)


def status(data: DataOption = Path("data"), as_json: JsonOption = False) -> None:
    """Show what has grown: a line for each cycle, and the totals of each data set."""
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.growing.growth_files import growths_in
    from dspy_programs.data.growing.show import lines_of_status, status_of

    found = [status_of(files) for files in growths_in(DataFolder(data))]
    if not found:
        raise UsageError(f'nothing has grown in {data}: dspy-programs data run -s "a,b"')
    print_result([each.model_dump(mode="json") for each in found], lines_of_status(found), as_json)


def _seeds(
    folder: "DataFolder",
    text: str | None,
    file: Path | None,
    from_name: str | None,
    most: int,
    failures: Path | None,
) -> "list[Seed]":
    """Return the seeds of all that is given."""
    from dspy_programs.data.growing.seed import distinct, seeds_in_file, seeds_in_pairs, seeds_in_reports, seeds_in_text

    found = seeds_in_text(text) if text else []
    found += seeds_in_file(file) if file else []
    found += seeds_in_pairs(folder.existing(from_name), most) if from_name else []
    found += seeds_in_reports(failures) if failures else []
    return distinct(found)

"""python -m dspy_programs data judge: a thin command over this part."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dspy_programs.cli import FAILED, INTERRUPTED, MODEL_STOPPED, NoCacheOption, NoLlmOption
from dspy_programs.data.options import (
    DataOption,
    JsonOption,
    MaxMinutesOption,
    MaxTokensOption,
    MaxUsdOption,
    NameOption,
    print_result,
)


def judge(
    dataset: NameOption,
    data: DataOption = Path("data"),
    lm: Annotated[
        list[str] | None,
        typer.Option(
            help="A model, as provider/name; several judge as an ensemble. Default: $DSPY_PROGRAMS_LM, else rules only."
        ),
    ] = None,
    api_base: Annotated[
        list[str] | None, typer.Option(help="URL of an OpenAI-compatible server: one for all --lm, or one for each.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(help="API key for --lm. Default: $DSPY_PROGRAMS_API_KEY, or the provider's own variable.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="ollama, openrouter or anthropic, in place of --lm. Default: $DEFAULT_JUDGE_BACKEND.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="With --backend: its model.")] = None,
    no_llm: NoLlmOption = False,
    rubric: Annotated[str, typer.Option(help="A shipped rubric's name, or a YAML or JSON file.")] = "quality",
    tag: Annotated[str | None, typer.Option(help="Names this run. Default: the backend, else the model, else rules.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file. Default: DATA/judgments/DATASET.TAG.jsonl.")
    ] = None,
    ensemble: Annotated[
        Literal["majority", "mean"],
        typer.Option(help="Of several judges: whose verdict counts, the majority's or the mean score's."),
    ] = "majority",
    sample: Annotated[float, typer.Option(help="Judge this share of the pairs, drawn by --seed.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of --sample.")] = 42,
    max_pairs: Annotated[int | None, typer.Option(min=1, help="Judge at most so many pairs.")] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=256, envvar="JUDGE_CONCURRENCY", help="Pairs judged at once on servers. Default: 4."),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, envvar="JUDGE_TEMPERATURE", help="Of the model. Default: 0.")
    ] = None,
    reply_tokens: Annotated[
        int | None, typer.Option(min=1, envvar="JUDGE_MAX_TOKENS", help="Token limit of one reply. Default: the model's.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, envvar="JUDGE_TIMEOUT", help="Seconds for one reply. Default: the client's.")
    ] = None,
    max_usd: MaxUsdOption = None,
    max_tokens: MaxTokensOption = None,
    max_minutes: MaxMinutesOption = None,
    no_cache: NoCacheOption = False,
    as_json: JsonOption = False,
) -> None:
    """Judge every pair of a data set by a rubric; the verdict is computed from the scores and the rubric's pass condition.

    Judgments are written as they come, and the same command continues after any end. A reply that cannot be used is a failure:
    counted, shown, never a score, and asked again by the next run.

    Exit code: 0, also if a limit was reached or some pairs failed; 3 if the model stopped answering midway; 2 if it never
    did, if none of its replies can be used, or for a wrong option; 130 after Ctrl-C.
    """
    from dspy_programs.atomic_file import require_apart
    from dspy_programs.cli import show_progress
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.asked_judging import AT_ONCE, AskedJudging
    from dspy_programs.data.judging.judge_run import Selection
    from dspy_programs.data.judging.rubric_files import rubric_at
    from dspy_programs.data.judging.show import lines_of_report
    from dspy_programs.data.judging.which_model import specs_of, usual_tag
    from dspy_programs.data.limits import Limits

    folder = DataFolder(data)
    pairs, specs = folder.existing(dataset), [] if no_llm else specs_of(lm or [], backend, model, api_base or [], api_key)
    asked = AskedJudging(
        specs,
        rubric_at(rubric),
        tag or usual_tag(specs),
        ensemble,
        Selection(sample, max_pairs, seed),
        concurrency or AT_ONCE,
        temperature,
        reply_tokens,
        timeout,
        Limits(max_usd, max_tokens, max_minutes),
        no_cache,
    )
    asked.check()
    out = output or folder.judgments(dataset, asked.tag)
    require_apart([out], [pairs, Path(rubric)])
    with show_progress(f"judging {dataset}") as progress:
        report = asked.run(folder, dataset, out, progress)
    print_result(report.model_dump(mode="json"), lines_of_report(report), as_json)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.model_stopped:
        raise typer.Exit(MODEL_STOPPED)
    if report.failed and "model" not in report.totals.answered_by:
        raise typer.Exit(FAILED)

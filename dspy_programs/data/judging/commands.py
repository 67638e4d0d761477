"""python -m dspy_programs data judge: a thin command over this part."""

from pathlib import Path

import typer

from dspy_programs.cli import FAILED, INTERRUPTED, MODEL_STOPPED, NoCacheOption, NoLlmOption
from dspy_programs.data.judging.options import (
    ApiBaseOption,
    ApiKeyOption,
    BackendOption,
    ConcurrencyOption,
    EnsembleOption,
    LmOption,
    MaxPairsOption,
    ModelOption,
    OutputOption,
    ReplyTokensOption,
    RubricOption,
    SampleOption,
    SeedOption,
    TagOption,
    TemperatureOption,
    TimeoutOption,
)
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
    lm: LmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    backend: BackendOption = None,
    model: ModelOption = None,
    no_llm: NoLlmOption = False,
    rubric: RubricOption = "quality",
    tag: TagOption = None,
    output: OutputOption = None,
    ensemble: EnsembleOption = "majority",
    sample: SampleOption = 1.0,
    seed: SeedOption = 42,
    max_pairs: MaxPairsOption = None,
    concurrency: ConcurrencyOption = None,
    temperature: TemperatureOption = None,
    reply_tokens: ReplyTokensOption = None,
    timeout: TimeoutOption = None,
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

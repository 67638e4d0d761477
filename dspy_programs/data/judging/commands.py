"""python -m dspy_programs data judge, calibrate, compare: thin commands over this part."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dspy_programs.cli import GATE_CLOSED, INTERRUPTED, MODEL_STOPPED, ApiKeyOption, NoCacheOption, NoLlmOption
from dspy_programs.errors import JudgeNotTrusted, UsageError

if TYPE_CHECKING:
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.which_model import Spec
    from dspy_programs.types import Rubric

DataOption = Annotated[Path, typer.Option("--data", envvar="DSPY_PROGRAMS_DATA", help="The folder of data sets.")]
NameOption = Annotated[str, typer.Option("--dataset", "-d", "--name", "-n", help="The data set.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_AT_ONCE = 4


def judge(
    dataset: NameOption,
    data: DataOption = Path("data"),
    lm: Annotated[
        list[str] | None,
        typer.Option(help="A model, as provider/name; several judge as an ensemble. Default: $DSPY_PROGRAMS_LM, else rules only."),
    ] = None,
    api_base: Annotated[
        list[str] | None, typer.Option(help="URL of an OpenAI-compatible server: one for all --lm, or one for each.")
    ] = None,
    api_key: ApiKeyOption = None,
    backend: Annotated[
        str | None, typer.Option(help="ollama, openrouter or anthropic, in place of --lm. Default: $DEFAULT_JUDGE_BACKEND.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="With --backend: its model.")] = None,
    no_llm: NoLlmOption = False,
    rubric: Annotated[str, typer.Option(help="A shipped rubric's name, or a YAML or JSON file.")] = "quality",
    tag: Annotated[str | None, typer.Option(help="Names this run. Default: the backend, else the rubric and model.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file. Default: DATA/judgments/DATASET.TAG.jsonl.")
    ] = None,
    ensemble: Annotated[
        Literal["majority", "mean"], typer.Option(help="Of several judges: whose verdict counts, the majority's or the mean score's.")
    ] = "majority",
    sample: Annotated[float, typer.Option(help="Judge this share of the pairs, drawn by --seed.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of --sample.")] = 42,
    max_pairs: Annotated[int | None, typer.Option(min=1, help="Judge at most so many pairs.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=256, envvar="JUDGE_CONCURRENCY", help="Pairs judged at once on servers. Default: 4.")
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
    max_usd: Annotated[float | None, typer.Option(min=0, help="Stop asking at this cost, in US dollars.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Stop asking at so many tokens, of prompts and replies.")] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Stop asking after so long.")] = None,
    no_cache: NoCacheOption = False,
    as_json: JsonOption = False,
) -> None:
    """Judge every pair of a data set by a rubric; the verdict is computed from the scores and the rubric's pass condition.

    Judgments are written as they come, and the same command continues after any end. A reply that cannot be used is a failure:
    counted, shown, never a score, and asked again by the next run.

    Exit code: 0, also if a limit was reached or some pairs failed; 3 if the model stopped answering midway; 2 if it never did, or
    for a wrong option; 130 after Ctrl-C.
    """
    from dspy_programs.cli import show_progress
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.cache import JudgmentCache
    from dspy_programs.data.judging.judge_run import Selection, judge_file
    from dspy_programs.data.judging.judges import Judge, ModelJudge, RulesJudge
    from dspy_programs.data.judging.panel import Panel
    from dspy_programs.data.judging.show import lines_of_report
    from dspy_programs.data.judging.which_model import connected, specs_of
    from dspy_programs.data.spending import Limits, Meter

    folder = DataFolder(data)
    pairs, asked = folder.existing(dataset), rubric_at(rubric)
    specs = [] if no_llm else specs_of(lm or [], backend, model, api_base or [], api_key)
    if max_usd is not None and all(spec.lm.startswith("local/") for spec in specs):
        raise UsageError("--max-usd: these judges are free; limit --max-minutes or --max-pairs instead")
    tag = tag or _usual_tag(specs, backend)
    out = output or folder.judgments(dataset, tag)
    meter = Meter(Limits(max_usd, max_tokens, max_minutes))
    judges: list[Judge] = [ModelJudge(connected(spec, meter, temperature, reply_tokens, timeout), asked) for spec in specs]
    cache = JudgmentCache(folder.judgment_cache, reads=not no_cache) if judges else None
    panel = Panel(judges or [RulesJudge(asked)], asked, ensemble, cache, tag)
    at_once = 1 if not specs or any(spec.lm.startswith("local/") for spec in specs) else concurrency or _AT_ONCE
    with show_progress(f"judging {dataset}") as progress:
        report = judge_file(
            pairs, out, panel, dataset, Selection(sample, max_pairs, seed), at_once, meter, progress, no_cache and bool(judges)
        )
    if cache is not None:
        cache.close()
    _print(report.model_dump(mode="json"), lines_of_report(report), as_json)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.model_stopped:
        raise typer.Exit(MODEL_STOPPED)


def calibrate(
    dataset: NameOption,
    tag: Annotated[str, typer.Option(help="Whose judgments: a tag, or a file of them.")],
    data: DataOption = Path("data"),
    labels: Annotated[Path | None, typer.Option(help="Another file of labels. Default: the data set's.")] = None,
    approved_is: Annotated[str, typer.Option(help="The status that a passed pair should have.")] = "approved",
    negatives: Annotated[str, typer.Option(help="The statuses that a failed pair should have, with commas.")] = "rejected",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: reports/DATASET/calibrate.TAG.json, beside the data folder.")
    ] = None,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 if the judge is no better than chance.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a judge against people's labels: precision, recall, F1, kappa, the best threshold, by category; with intervals.

    Labels that are neither approved nor negative leave their pair out: one that was skipped says nothing.
    """
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.calibration import calibrated, require_trusted
    from dspy_programs.data.judging.joined import Joined
    from dspy_programs.data.judging.show import lines_of_calibration
    from dspy_programs.data.pairs_file import read_pairs

    folder = DataFolder(data)
    path, name = _judgments_at(folder, dataset, tag)
    labels = labels or folder.labels(dataset)
    if not labels.is_file():
        raise UsageError(f"no labels of {dataset!r} at {labels}; label some pairs first: dspy-programs data label -d {dataset}")
    against = _statuses(approved_is, negatives)
    with Joined() as joined:
        judges = joined.add_judgments(name, path)
        joined.add_labels(labels)
        if (pairs := folder.pairs(dataset)).is_file():
            joined.add_pairs(read_pairs(pairs))
        found = calibrated(joined.labelled(name), judges, dataset, name, approved_is, against)
    if not found.n_evaluated:
        statuses = ", ".join(f"{status} {count}" for status, count in found.labels.items()) or "no judged pair has a label"
        raise UsageError(f"nothing to calibrate with: {statuses}; label judged pairs as {approved_is} or {negatives}")
    out = output or folder.reports(dataset) / f"calibrate.{name}.json"
    _write(out, found.model_dump(mode="json"))
    _print(found.model_dump(mode="json"), lines_of_calibration(found, str(out)), as_json)
    if gate:
        try:
            require_trusted(found)
        except JudgeNotTrusted as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(GATE_CLOSED) from None


def compare_judgments(
    dataset: NameOption,
    tags: Annotated[str | None, typer.Option(help="Two or more, with commas. Default: all of the data set's.")] = None,
    data: DataOption = Path("data"),
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: reports/DATASET/compare.json, beside the data folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs of judges over one data set: agreement, kappa and correlation of each two, Fleiss' kappa of all."""
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.comparison import compared
    from dspy_programs.data.judging.joined import Joined
    from dspy_programs.data.judging.show import lines_of_comparison

    folder = DataFolder(data)
    names = [tag.strip() for tag in tags.split(",") if tag.strip()] if tags else _tags_there(folder, dataset)
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise UsageError(f"--tags: give two or more different tags; there are: {', '.join(_tags_there(folder, dataset)) or 'none'}")
    with Joined() as joined:
        for name in names:
            joined.add_judgments(name, _judgments_at(folder, dataset, name)[0])
        found = compared(dataset, names, joined.common(names))
    if not found["n_common"]:
        raise UsageError(f"no pair has a judgment of each of {', '.join(names)}")
    out = output or folder.reports(dataset) / "compare.json"
    _write(out, found)
    _print(found, lines_of_comparison(found, str(out)), as_json)


def rubric_at(name: str) -> "Rubric":
    """Return a shipped rubric by name, or the one in a file. Raises UsageError."""
    from dspy_programs.data.judging.rubric_files import read_any_rubric
    from dspy_programs.rubric import rubric_of, shipped_rubrics

    if name in shipped_rubrics() or not (Path(name).suffix or "/" in name or Path(name).exists()):
        return rubric_of(name)
    return read_any_rubric(Path(name))


def _usual_tag(specs: "list[Spec]", backend: str | None) -> str:
    import re

    if not specs:
        return "rules"
    named = backend or "+".join(spec.lm.rpartition("/")[2] for spec in specs)
    return re.sub(r"[^\w.-]+", "-", named).strip("-._")[:80] or "judge"


def _judgments_at(folder: "DataFolder", dataset: str, tag: str) -> tuple[Path, str]:
    """Return the file that a tag or a path names, and its tag."""
    if (path := Path(tag)).suffix == ".jsonl" and path.is_file():
        return path, path.stem.removeprefix(f"{dataset}.")
    path = folder.judgments(dataset, tag)
    if not path.is_file():
        there = ", ".join(_tags_there(folder, dataset)) or f"none; judge first: dspy-programs data judge -d {dataset}"
        raise UsageError(f"no judgments of {dataset!r} under the tag {tag!r}; there are: {there}")
    return path, tag


def _tags_there(folder: "DataFolder", dataset: str) -> list[str]:
    files = folder.judgments(dataset, "x").parent.glob(f"{dataset}.*.jsonl")
    return sorted(path.name.removeprefix(f"{dataset}.").removesuffix(".jsonl") for path in files)


def _statuses(approved: str, negatives: str) -> list[str]:
    known = ("approved", "rejected", "needs_edit", "skipped")
    against = [status.strip() for status in negatives.split(",") if status.strip()]
    for status in (approved, *against):
        if status not in known:
            raise UsageError(f"unknown status {status!r}; choose from {', '.join(known)}")
    if approved in against or not against:
        raise UsageError(f"--negatives {negatives}: give statuses other than {approved}")
    return against


def _write(path: Path, content: Any) -> None:
    from dspy_programs.atomic_file import write_atomically

    write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _print(content: Any, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    for line in lines:
        typer.echo(line)

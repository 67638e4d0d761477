"""data validate: a thin command over the checks."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dspy_programs.cli import GATE_CLOSED
from dspy_programs.cluster import AddressOption, EngineOption, WorkersOption, cluster_named
from dspy_programs.data.options import DataOption, NameOption


def validate(
    dataset: NameOption,
    checks: Annotated[
        str, typer.Option(help="Checks, separated by commas; `all` is all but contamination and lang. See below.")
    ] = "schema,length,dedup,pii",
    min_instruction_len: Annotated[int, typer.Option(help="Characters; a shorter instruction is a warning.")] = 3,
    max_output_len: Annotated[int, typer.Option(help="Characters; a longer output is a warning.")] = 8000,
    pii: Annotated[
        str,
        typer.Option(
            envvar="PII_POLICY", help="Personal data is an error (strict), a warning (warn), or not looked for (off)."
        ),
    ] = "warn",
    lang: Annotated[
        str | None,
        typer.Option(
            help="The language that the checks lang and profanity expect, as ISO 639-1: en (the default), fr, zh. "
            "With neither of them in --checks, lang is checked too."
        ),
    ] = None,
    near_threshold: Annotated[
        float, typer.Option(help="Share of words and pairs of words that near duplicates have in common, from 0.5 to 1.")
    ] = 0.7,
    against: Annotated[list[Path] | None, typer.Option(help="A test set for the check contamination; may be repeated.")] = None,
    write_clean: Annotated[
        Path | None,
        typer.Option(help="Write the rows without errors and duplicates here; the others to PATH.rejects.jsonl, with reasons."),
    ] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Replace personal data by its kind in what --write-clean writes.")
    ] = False,
    fail_on: Annotated[Literal["error", "warning", "never"], typer.Option(help="Exit with 1 if there is one.")] = "never",
    max_issues: Annotated[int, typer.Option(min=0, help="Issues listed in the report; the counts are of all.")] = 10_000,
    processes: Annotated[int | None, typer.Option(min=1, max=64, help="Default: 2 for a large file.")] = None,
    engine: EngineOption = "here",
    address: AddressOption = None,
    workers: WorkersOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where the report goes. Default: validation/NAME.report.json of the data."),
    ] = None,
    data: DataOption = Path("data"),
) -> None:
    """Check a data set: schema, length, dedup, near_dup, pii, lang, profanity, secrets, contamination, refusals,
    placeholders, fences, turns."""
    from dspy_programs.atomic_file import require_apart, require_writable
    from dspy_programs.cli import show_progress
    from dspy_programs.data.checks.clean import rejects_of
    from dspy_programs.data.checks.options import CheckOptions, PiiPolicy
    from dspy_programs.data.checks.report import write_report
    from dspy_programs.data.checks.validator import Validator
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.errors import UsageError
    from dspy_programs.text import quantity

    cluster = cluster_named(engine, address, workers)
    if cluster and processes:
        raise UsageError("--processes is for --engine here; with --engine ray, give --workers")
    names = [name.strip() for name in checks.split(",") if name.strip()]
    names += ["contamination"] if against and "contamination" not in names else []
    names += ["lang"] if lang is not None and not {"lang", "profanity", "all"} & set(names) else []
    policy: PiiPolicy = pii  # type: ignore[assignment]  # CheckOptions says what is wrong with another
    options = CheckOptions(
        tuple(names), min_instruction_len, max_output_len, policy, lang or "en", near_threshold, tuple(map(str, against or []))
    )
    folder = DataFolder(data)
    source, target = folder.existing(dataset), output or folder.validation(dataset)
    require_apart([target, *([write_clean, rejects_of(write_clean)] if write_clean else [])], [source, *(against or [])])
    validator = Validator(options, processes, max_issues, cluster)
    if redact:
        validator.require_redacting(write_clean)
    require_writable(target)
    with show_progress("checking", in_bytes=True) as progress:
        report = validator.validate(source, dataset, write_clean, redact, progress)
    write_report(target, report)
    counts = quantity(report.errors, "error"), quantity(report.warnings, "warning")
    typer.echo(f"{quantity(report.total_pairs, 'pair')}: {', '.join(counts)}; report: {target}")
    for name in options.checks:
        typer.echo(f"  {name:14} {f'{report.counts.get(name, 0):,}' if name in options.running() else 'off'}")
    if report.issues_left_out:
        typer.echo(f"{report.issues_left_out:,} issues are counted, but not listed (--max-issues {max_issues})")
    if write_clean and (written := validator.written):
        redacted = f", {written.redacted:,} of them redacted" if redact else ""
        typer.echo(f"kept {written.kept:,}{redacted}: {write_clean}; dropped {written.dropped:,}: {rejects_of(write_clean)}")
    if (fail_on != "never" and report.errors) or (fail_on == "warning" and report.warnings):
        raise typer.Exit(GATE_CLOSED)

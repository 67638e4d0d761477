"""python -m dspy_programs failures ...: thin commands over this package."""

import gc
import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import (
    FAILED,
    GATE_CLOSED,
    INTERRUPTED,
    MODEL_STOPPED,
    ApiBaseOption,
    ApiKeyOption,
    NoCacheOption,
    NoLlmOption,
    ToolLmOption,
    new_app,
)
from dspy_programs.failures.options import (
    FormatOption,
    HtmlOption,
    JunitOption,
    MinProbabilityOption,
    OpenQuestionOption,
    SarifOption,
    at_once,
    judge_in_words,
)
from dspy_programs.lm import using

if TYPE_CHECKING:
    from dspy_programs.types import Trace

app = new_app("Find out why an agent run failed: traces in, causes and fixes out.")

_FileArgument = Annotated[
    Path | None,
    typer.Argument(help="A file with one trace, or a place that batch names (runs.jsonl:17); - reads standard input."),
]
_TraceOption = Annotated[Path | None, typer.Option("--trace", help="Alternative to the FILE argument.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.callback()
def failures() -> None:
    """Find out why an agent run failed: traces in, causes and fixes out."""


@app.command()
def classify(
    file: _FileArgument = None,
    trace: _TraceOption = None,
    format: FormatOption = None,
    no_llm: NoLlmOption = False,
    open_question: OpenQuestionOption = False,
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    min_probability: MinProbabilityOption = 0.5,
    as_json: JsonOption = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write the report to this file, as JSON; - is standard output.")
    ] = None,
    html: HtmlOption = None,
    sarif: SarifOption = None,
    junit: JunitOption = None,
) -> None:
    """Say whether one run failed and, if so, how, at which turn first, why, and how to fix it."""
    from dspy_programs.failures.batch import Outcome, Tally, tallied
    from dspy_programs.failures.classifier import FailureClassifier
    from dspy_programs.failures.reports.lines import print_json
    from dspy_programs.failures.reports.outputs import Outputs, opened, printing
    from dspy_programs.failures.reports.table import print_report

    outputs = Outputs(output, html, sarif, junit)
    printed = printing(outputs, as_json)
    source, known = one_trace(file, trace, format)
    inputs = [_file_of_place(path) or path for path in (file, trace) if path is not None]
    with opened(outputs, inputs, one_trace=True) as sinks:
        with using(None if no_llm else lm, api_base, api_key, no_cache) as model:
            classifier = FailureClassifier(model is not None, open_question, min_probability)
            report = classifier.classify(known)
        tallied(Tally(), [Outcome(source, known, report, None)], sinks, lambda batch: None)
    with printed:
        print_json(report.model_dump_json(indent=2)) if as_json else print_report(source, report)


@app.command()
def validate(
    file: _FileArgument = None, trace: _TraceOption = None, format: FormatOption = None, as_json: JsonOption = False
) -> None:
    """Show how a trace is read: its id, its goal and the start of each turn."""
    from dspy_programs.failures.reports.lines import print_json
    from dspy_programs.failures.reports.table import print_trace

    source, known = one_trace(file, trace, format)
    if as_json:
        print_json(known.model_dump_json(indent=2))
    else:
        print_trace(source, known)


def one_trace(file: Path | None, option: Path | None, format: str | None) -> "tuple[str, Trace]":
    """Return the only trace in the given file, or the one at the place that is given with it. Raises UsageError."""
    from dspy_programs.errors import UsageError
    from dspy_programs.failures.reader import read_traces

    named = [path for path in (file, option) if path is not None]
    if len(named) != 1:
        raise UsageError("give one trace file: classify FILE, or --trace FILE; - reads standard input")
    path, holder = named[0], _file_of_place(named[0])
    items = (item for item in read_traces([holder or path], format) if holder is None or item.source == str(path))
    found = list(itertools.islice(items, 2 if holder is None else 1))
    if len(found) > 1:
        raise UsageError(f"{path}: contains more than one trace; use `batch`, or name one, such as {found[0].source}")
    if not found:
        raise UsageError(f"{path}: contains no trace" if holder is None else f"{path}: {holder} has no trace at this place")
    source, known, problem = found[0]
    if known is None:
        raise UsageError(f"{source}: {problem}")
    return source, known


def _file_of_place(path: Path) -> Path | None:
    """Return the file of a place such as runs.jsonl:17, log.json#3 or log.jsonl:1#3; None if the path is no place."""
    from dspy_programs.failures.reports.place import parse_place

    file = Path(parse_place(str(path)).file)
    return file if file.is_file() and not path.exists() else None


@app.command()
def batch(
    paths: Annotated[list[Path] | None, typer.Argument(help="Trace files and folders; - reads standard input.")] = None,
    traces_dir: Annotated[Path | None, typer.Option("--traces-dir", help="Alternative to PATHS: a folder of traces.")] = None,
    format: FormatOption = None,
    no_llm: NoLlmOption = False,
    open_question: OpenQuestionOption = False,
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    min_probability: MinProbabilityOption = 0.5,
    as_json: JsonOption = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Also write every report to this file, one line of JSON each; - is standard output."
        ),
    ] = None,
    html: HtmlOption = None,
    sarif: SarifOption = None,
    junit: JunitOption = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODE=RATE", help="Exit with 1 if a larger share of the traces has this failure mode; ANY: any mode."
        ),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Earlier output of `batch --json`. Exit with 1 if a mode rises beyond chance.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compare with a baseline of other rules, another model or --min-probability.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Ignore unreadable input in the exit code; it is still reported.")
    ] = False,
) -> None:
    """Classify many traces: how often each failure mode occurs, with confidence intervals, and in which traces.

    Exit code: 0; 1 if a limit or the baseline check fails; 3 if the model stopped answering midway, so that the rules
    decided the rest; 2 if some input is unreadable (unless --keep-going), because the figures then do not cover everything.
    All outputs are written in these cases. 2 without outputs if there is no trace, an option is wrong, or the model never
    answered.
    """
    from dspy_programs.cli import show_progress
    from dspy_programs.errors import UsageError
    from dspy_programs.failures.baseline import compared, read_baseline
    from dspy_programs.failures.batch import Tally, classified, tallied
    from dspy_programs.failures.classifier import FailureClassifier
    from dspy_programs.failures.gate import Gate, bounds_of
    from dspy_programs.failures.reader import read_traces
    from dspy_programs.failures.reports.lines import print_json
    from dspy_programs.failures.reports.outputs import Named, Outputs, opened, printing
    from dspy_programs.failures.reports.table import print_batch

    inputs = [*(paths or []), *([traces_dir] if traces_dir else [])]
    if not inputs:
        raise UsageError("give trace files or folders: batch PATH..., or --traces-dir DIR; - reads standard input")
    bounds, before = bounds_of(fail_on or []), read_baseline(baseline) if baseline else None
    named = Named()
    outputs = Outputs(output, html, sarif, junit)
    printed = printing(outputs, as_json)
    gc.freeze()  # the collector skips what is loaded by now: a large batch runs 7 % faster
    with opened(outputs, inputs) as sinks, using(None if no_llm else lm, api_base, api_key, no_cache) as model:
        classifier = FailureClassifier(model is not None, open_question, min_probability)
        tally = Tally(judge_in_words(model, open_question), min_probability)
        comparison = compared(before, tally.model, min_probability, force) if before else None
        gate = Gate(bounds, comparison, classifier)
        with show_progress("reading traces", in_bytes=True) as progress:
            found = classified(read_traces(inputs, format, progress), classifier, at_once(model))
            result = tallied(tally, found, [*sinks, named, gate], gate.check)
    with printed:
        print_json(result.model_dump_json(indent=2)) if as_json else print_batch(result, named.rows)
    if result.unreadable and not (keep_going and result.traces):
        raise typer.Exit(FAILED)
    if result.model_stopped:
        raise typer.Exit(MODEL_STOPPED)
    if not all(check.holds for check in result.checks):
        raise typer.Exit(GATE_CLOSED)


@app.command()
def watch(
    folder: Annotated[Path, typer.Argument(help="The folder that traces are written to.")],
    format: FormatOption = None,
    no_llm: NoLlmOption = False,
    open_question: OpenQuestionOption = False,
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    min_probability: MinProbabilityOption = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Classify the traces already there, then exit.")] = False,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between scans.")] = 1.0,
) -> None:
    """Classify traces as they are written, one line each; Ctrl-C stops and prints the distribution.

    Exit code: 130 after Ctrl-C; with --once, 0, 2 if some input is unreadable, or 3 if the model stopped answering.
    """
    from dspy_programs.failures.batch import Tally, classified
    from dspy_programs.failures.classifier import FailureClassifier
    from dspy_programs.failures.reports.lines import json_line, print_json
    from dspy_programs.failures.reports.table import print_batch, print_outcome
    from dspy_programs.failures.watch import Watch

    watched, code = Watch(folder, format), 0
    with using(None if no_llm else lm, api_base, api_key, no_cache) as model:
        classifier = FailureClassifier(model is not None, open_question, min_probability)
        tally = Tally(judge_in_words(model, open_question), min_probability)
        try:
            while True:
                for outcome in classified(watched.look(last=once), classifier, at_once(model)):
                    tally.add(outcome)
                    print_json(json_line(outcome).decode().rstrip()) if as_json else print_outcome(outcome)
                if once:
                    break
                time.sleep(interval)
        except KeyboardInterrupt:
            code = INTERRUPTED
    result = tally.batch()
    result.model_stopped = classifier.stopped
    print_json(result.model_dump_json()) if as_json else print_batch(result, [])
    raise typer.Exit(code or (FAILED if result.unreadable else MODEL_STOPPED if result.model_stopped else 0))

"""data score, score-diff, fix, stats: thin commands over the scorer."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspy_programs.cli import GATE_CLOSED, show_progress
from dspy_programs.data.options import DataOption

if TYPE_CHECKING:
    from dspy_programs.cli import Progress
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.scorer.config import ScorerConfig
    from dspy_programs.data.scorer.result import DatasetScore
    from dspy_programs.tables import Found

_Rows = Annotated[
    str, typer.Argument(help="A file (JSON lines, JSON, CSV, Parquet), -, hf:OWNER/NAME, or the name of a data set.")
]
_ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="Weights and thresholds, as YAML.")]
_LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first rows, this many: a quick look.")]
_OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="Where to write. Default: standard output.")]
_DATA = Path("data")


def score(
    source: _Rows,
    format_: Annotated[
        Literal["terminal", "json", "html"] | None,
        typer.Option("--format", help="Default: by the ending of --output, else terminal."),
    ] = None,
    output: _OutputOption = None,
    min_score: Annotated[float | None, typer.Option(min=0, max=100, help="Exit with 1 if the total is below it.")] = None,
    config: _ConfigOption = None,
    limit: _LimitOption = None,
    examples: Annotated[int | None, typer.Option(min=0, max=100, help="Rows shown for each finding.")] = None,
    data: DataOption = _DATA,
) -> None:
    """Score a data set from 0 to 100 by eleven weighted checks, with rows to look at for each finding."""
    _check_output(output, [source])
    settings = _settings(config, examples)
    found = _scored(source, data, settings, limit)
    kind = format_ or {".json": "json", ".html": "html", ".htm": "html"}.get(
        output.suffix.lower() if output else "", "terminal"
    )
    _put(_rendered(found, kind, for_terminal=output is None), output)
    closed = min_score is not None and found.total < min_score
    if closed or output:
        typer.echo(f"{found.total:.1f} {found.band}{f', below {min_score:g}' if closed else ''}", err=output is None)
    if closed:
        raise typer.Exit(GATE_CLOSED)


def score_diff(
    before: Annotated[str, typer.Argument(help="A file, hf:OWNER/NAME, or the name of a data set.")],
    after: Annotated[str, typer.Argument(help="What to compare it with.")],
    format_: Annotated[Literal["terminal", "json"], typer.Option("--format")] = "terminal",
    output: _OutputOption = None,
    config: _ConfigOption = None,
    limit: _LimitOption = None,
    data: DataOption = _DATA,
) -> None:
    """Compare the scores of two data sets: each check, what came and went, and the rows that both have."""
    from dspy_programs.data.scorer.difference import difference_of
    from dspy_programs.data.scorer.difference_table import parts_of_difference
    from dspy_programs.data.scorer.terminal import rendered

    _check_output(output, [before, after])
    settings = _settings(config, 0)
    found = difference_of(*(_scored(each, data, settings, limit) for each in (before, after)))
    text = json.dumps(found, ensure_ascii=False, indent=2) if format_ == "json" else rendered(*parts_of_difference(found))
    _put(text, output)


def fix(
    source: _Rows,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The fixed rows, as JSON lines.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Replace FILE (JSON lines); the old one is kept as FILE.before.")
    ] = False,
    limit: _LimitOption = None,
    data: DataOption = _DATA,
) -> None:
    """Fix what can be fixed without changing the meaning, and list every change; without -o or --apply nothing is written."""
    from dspy_programs.data.scorer.fix import changes_of, fix as mended
    from dspy_programs.data.scorer.in_place import file_to_replace, kept_before
    from dspy_programs.data.scorer.terminal import show, table_of

    folder = _folder(data)
    target = file_to_replace(source, folder, output, limit) if apply else output
    if target:
        _check_output(target, [] if apply else [source])
        _check_output(changes_of(target), [source])
    with show_progress("mending") as progress, kept_before(target if apply else None):
        done = mended(_rows(source, folder, limit, progress), target)
    show(f"{done.read:,} rows read, {done.kept:,} kept, {done.changed:,} of them changed, {done.dropped:,} dropped")
    if done.reasons:
        show(
            table_of(
                ["change", "rows", "first"],
                [[why, count, done.first[why][0].where] for why, count in done.reasons.most_common()],
            )
        )
    show(f"written: {target}; every change: {changes_of(target)}" if target else "nothing is written; give -o FILE, or --apply")


def stats(
    source: _Rows,
    format_: Annotated[Literal["terminal", "json"], typer.Option("--format")] = "terminal",
    output: _OutputOption = None,
    lm: Annotated[
        str | None, typer.Option(envvar="DSPY_PROGRAMS_LM", help="Count tokens as this model does, as provider/name.")
    ] = None,
    tokens: Annotated[bool, typer.Option(help="Count tokens, which takes most of the time.")] = True,
    limit: _LimitOption = None,
    data: DataOption = _DATA,
) -> None:
    """Count a data set: fields, lengths, turns, tokens, categories, languages."""
    from dspy_programs.data.scorer.stats import stats_of
    from dspy_programs.data.scorer.stats_table import parts_of_stats
    from dspy_programs.data.scorer.terminal import rendered
    from dspy_programs.tokens import counter_named

    _check_output(output, [source])
    counter = counter_named(lm) if tokens else None
    with show_progress("counting") as progress:
        found = stats_of(_rows(source, _folder(data), limit, progress), source, counter)
    text = json.dumps(found, ensure_ascii=False, indent=2) if format_ == "json" else rendered(*parts_of_stats(found))
    _put(text, output)


def _folder(data: Path) -> "DataFolder":
    from dspy_programs.data.folder import DataFolder

    return DataFolder(data)


def _settings(config: Path | None, examples: int | None) -> "ScorerConfig":
    from dspy_programs.data.scorer.config import read_config

    settings = read_config(config)
    return settings if examples is None else settings.model_copy(update={"examples": examples})


def _scored(source: str, data: Path, settings: "ScorerConfig", limit: int | None) -> "DatasetScore":
    from dspy_programs.data.scorer.scorer import score_rows

    with show_progress("scoring") as progress:
        return score_rows(_rows(source, _folder(data), limit, progress), source, settings)


def _rows(source: str, folder: "DataFolder", limit: int | None, progress: "Progress | None") -> "Iterator[Found]":
    from dspy_programs.data.scorer.source import rows_of

    return _counted(islice(rows_of(source, folder), limit), progress)


def _counted(rows: "Iterable[Found]", progress: "Progress | None") -> "Iterator[Found]":
    for number, row in enumerate(rows):
        if progress and number % 500 == 0:
            progress(number, 0)
        yield row


def _check_output(output: Path | None, sources: list[str]) -> None:
    """Raise UsageError now, not after the work, if the output cannot be written or would replace what is read."""
    if output:
        from dspy_programs.atomic_file import require_apart, require_writable

        require_apart([output], [Path(source) for source in sources])
        require_writable(output)


def _rendered(found: "DatasetScore", kind: str, for_terminal: bool) -> str | bytes:
    if kind == "json":
        return json.dumps(found.as_dict(), ensure_ascii=False, indent=2)
    if kind == "html":
        from dspy_programs.data.scorer.html import page_of

        return page_of(found)
    from dspy_programs.data.scorer.terminal import parts_of, rendered

    return rendered(*parts_of(found), for_terminal=for_terminal and sys.stdout.isatty())


def _put(text: str | bytes, output: Path | None) -> None:
    """Write a result to a file, complete or not at all, or to standard output."""
    content = text if isinstance(text, bytes) else f"{text}\n".encode("utf-8", "replace")
    if output is None:
        sys.stdout.flush()
        typer.echo(content, nl=False)
        return
    from dspy_programs.atomic_file import write_atomically

    write_atomically(output, content)

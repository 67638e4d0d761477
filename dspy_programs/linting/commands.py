"""python -m dspy_programs lint-loops PATH...: a thin command over lint_loops."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import FAILED, GATE_CLOSED, ApiBaseOption, ApiKeyOption, NoCacheOption, NoLlmOption, ToolLmOption

if TYPE_CHECKING:
    from dspy_programs.lint_loops import Explained, Finding, Report

_Paths = Annotated[list[Path], typer.Argument(help="Python files and folders; - reads standard input.")]
_Select = Annotated[list[str] | None, typer.Option(metavar="CODE", help="Only this pattern; repeatable. LOOP003 or its name.")]


def lint_loops(
    paths: _Paths,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0 instead, for code scanning.")] = False,
    as_github: Annotated[bool, typer.Option("--github", help="Print annotations for GitHub Actions instead.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the report to this file instead of standard output.")
    ] = None,
    min_slowdown: Annotated[
        int | None, typer.Option(min=0, max=100, metavar="PCT", help="Leave out patterns with a smaller estimated slow-down.")
    ] = None,
    select: _Select = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="CODE", help="Not this pattern; repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Not these files or folders; repeatable.")] = None,
    diff: Annotated[
        str | None, typer.Option(metavar="COMMIT", help="Only lines that differ from this commit, such as HEAD or main.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Also explain why each finding is slow, and rewrite the loop where that is safe."),
    ] = False,
    lm: ToolLmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Time each pattern found against its fix on this machine, and say how the time grows."),
    ] = False,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Rewrite what can be fixed without changing what the code does. Needs the lint extra."),
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Settings. Default: the nearest pyproject.toml.")] = None,
) -> None:
    """Find loops in Python code that are slower than they need to be, worst first; nothing is imported or run.

    Exit code: 0 without findings; 1 with findings; 2 if an option, a path or the settings are wrong, or if some file could not
    be checked. The findings in all other files are reported in that case too.
    """
    from dspy_programs.errors import UsageError
    from dspy_programs.lint_loops import (
        STDIN,
        fix_all,
        lint,
        measured_all,
        only_changed,
        only_patterns,
        patterns_of,
        print_report,
        read_config,
    )
    from dspy_programs.text import printable

    formats = [name for name, chosen in (("json", as_json), ("sarif", as_sarif), ("github", as_github)) if chosen]
    if len(formats) > 1:
        raise UsageError(f"--{formats[0]} and --{formats[1]} are two formats; give one")
    if STDIN in paths and (fix or diff):
        raise UsageError(f"-: standard input has no file for {'--fix' if fix else '--diff'}; name files or folders")
    settings = read_config(config, paths)
    least = settings.min_slowdown if min_slowdown is None else min_slowdown
    patterns = patterns_of(select or settings.select, [*(ignore or []), *settings.ignore], "--select and --ignore")
    report = lint(paths, [*(exclude or []), *settings.exclude])
    only_patterns(report, patterns, least)
    if diff is not None:
        only_changed(report, diff, paths)
    if fix:
        for line in fix_all(report, only_reported=diff is not None):
            print(printable(line), file=sys.stderr)
    measured = measured_all(report.findings) if measure else {}
    explained = _explained(report, None if no_llm else lm, api_base, api_key, no_cache) if explain else {}
    print_report(report, formats[0] if formats else "table", output, measured, explained)
    for file, why in report.problems:
        print(printable(f"{file}: {why}"), file=sys.stderr)
    if report.problems:
        raise typer.Exit(FAILED)
    if report.findings:
        raise typer.Exit(GATE_CLOSED)


def _explained(
    report: "Report", lm: str | None, api_base: str | None, api_key: str | None, no_cache: bool
) -> "dict[Finding, Explained]":
    """Explain the findings on the model that the options name, by the rules without one."""
    from dspy_programs.cli import show_progress
    from dspy_programs.linting.explained import explained_all
    from dspy_programs.lm import using

    with using(lm, api_base, api_key, no_cache) as model, show_progress("Explaining") as progress:
        return explained_all(report, model, progress)

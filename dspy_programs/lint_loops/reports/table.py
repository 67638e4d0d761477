"""Findings on a terminal: a table, worst first; plain columns in a pipe."""

import sys
import textwrap
from collections.abc import Mapping

from dspy_programs.lint_loops.explaining.explained import Explained
from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.measuring.measure import Measured
from dspy_programs.lint_loops.run import Report
from dspy_programs.text import printable, quantity

_WIDTH_IN_PIPE = 400  # columns: nothing wraps
_WIDTH_OF_TEXT = 100  # columns of an explanation


def as_table(report: Report, measured: Mapping[Finding, Measured], explained: Mapping[Finding, Explained]) -> str:
    """Return the findings, why each is slow if asked, and a line that sums up."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("slowdown", *(("measured", "time grows") if measured else ()), "place", "code", "pattern", "suggestion"):
        table.add_column(name, justify="right" if name in ("slowdown", "measured") else "left", no_wrap=name != "suggestion")
    for each in report.findings:
        timed = measured.get(each)
        figures = [f"{timed.slowdown} %", timed.growth] if timed else []
        cells = [f"{each.pattern.slowdown} %", *figures, place(each), each.pattern.code, each.pattern.name, each.suggestion]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    width = None if sys.stdout.isatty() else _WIDTH_IN_PIPE
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False, width=width)
    with console.capture() as captured:
        if report.findings:
            console.print(table)
    text = "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
    told = [f"\n{_told(each, explained[each])}\n" for each in report.findings if each in explained]
    return text + "".join(told) + "\n" * bool(told) + summary(report)


def place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}"


def summary(report: Report) -> str:
    """Say in a line how much was read and found."""
    ignored = f", {report.ignored:,} dismissed by noqa" if report.ignored else ""
    found, files, lines = len(report.findings), report.files, report.lines
    return f"{quantity(found, 'finding')} in {quantity(files, 'file')} ({quantity(lines, 'line')}){ignored}"


def _told(finding: Finding, told: Explained) -> str:
    """Return an explanation with its rewrite, indented below the place."""
    lines = [f"{place(finding)} {finding.pattern.code} {finding.pattern.name} ({told.who})"]
    lines += textwrap.wrap(told.explanation, _WIDTH_OF_TEXT, initial_indent="  ", subsequent_indent="  ")
    if told.note:
        lines.append(f"  Note: {told.note}.")
    if told.rewrite:
        lines.append(f"  Instead of {'lines' if told.last > told.first else 'line'} {_lines(told)}:")
        lines += [f"    {line}" for line in told.rewrite.split("\n")]
    return "\n".join(printable(line).rstrip() for line in lines)


def _lines(told: Explained) -> str:
    return f"{told.first} to {told.last}" if told.last > told.first else str(told.first)

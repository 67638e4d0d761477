"""Findings on a terminal: a table, worst first; plain columns in a pipe."""

import sys
from collections.abc import Mapping, Sequence

from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.measuring.measure import Measured
from dspy_programs.lint_loops.run import Report
from dspy_programs.text import printable, quantity

_WIDTH_IN_PIPE = 400  # columns: nothing wraps


def as_table(report: Report, measured: Mapping[Finding, Measured], explain: bool) -> str:
    """Return the findings, what each pattern means if asked, and a line that sums up."""
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
    return text + (_explanations(report.findings) if explain else "") + summary(report)


def place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}"


def summary(report: Report) -> str:
    """Say in a line how much was read and found."""
    ignored = f", {report.ignored:,} dismissed by noqa" if report.ignored else ""
    found, files, lines = len(report.findings), report.files, report.lines
    return f"{quantity(found, 'finding')} in {quantity(files, 'file')} ({quantity(lines, 'line')}){ignored}"


def _explanations(findings: Sequence[Finding]) -> str:
    patterns = {each.pattern.code: each.pattern for each in findings}
    return "".join(f"\n{code} {one.name}: {one.explanation}\n" for code, one in sorted(patterns.items())) + "\n" * bool(
        patterns
    )

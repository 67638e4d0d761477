"""Where a report goes: a format, on standard output or in a file."""

import sys
from collections.abc import Mapping
from pathlib import Path

from dspy_programs.atomic_file import write_atomically
from dspy_programs.lint_loops.explaining.explained import Explained
from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.measuring.measure import Measured
from dspy_programs.lint_loops.reports.github import as_github
from dspy_programs.lint_loops.reports.json import as_json
from dspy_programs.lint_loops.reports.sarif import as_sarif
from dspy_programs.lint_loops.reports.table import as_table
from dspy_programs.lint_loops.run import Report
from dspy_programs.text import printable


def print_report(
    report: Report,
    format: str,
    output: Path | None,
    measured: Mapping[Finding, Measured],
    explained: Mapping[Finding, Explained],
) -> None:
    """Print or write a report; format: table, json, sarif or github. Raises UsageError for a file that cannot be written."""
    if format == "table":
        text = as_table(report, measured, explained)
    elif format == "json":
        text = as_json(report, measured, explained)
    else:
        text = as_sarif(report, explained) if format == "sarif" else printable(as_github(report, explained))
    if output is not None:
        write_atomically(output, f"{text}\n" if text else "")
    elif text:
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), flush=True)

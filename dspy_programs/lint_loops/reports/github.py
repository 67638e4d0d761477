"""Findings as GitHub's workflow commands, which a pull request shows beside the lines."""

from collections.abc import Mapping

from dspy_programs.lint_loops.explaining.explained import Explained
from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.run import Report


def as_github(report: Report, explained: Mapping[Finding, Explained]) -> str:
    """Return one command a line: warnings for findings, errors for files that could not be checked."""
    lines = [
        f"::warning file={_property(each.file)},line={each.line},endLine={each.end_line},"
        f"title={_property(f'{each.pattern.code} {each.pattern.name}')}::{_data(_message(each, explained.get(each)))}"
        for each in report.findings
    ]
    lines += [f"::error file={_property(file)}::{_data(why)}" for file, why in report.problems]
    return "\n".join(lines)


def _message(finding: Finding, told: Explained | None) -> str:
    """Return the suggestion and the explanation below it; code is not shown there."""
    return f"{finding.suggestion}\n{told.explanation} ({told.who})" if told else finding.suggestion


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""Which findings are reported: of the patterns chosen, and on the lines that changed."""

from collections.abc import Collection, Sequence
from pathlib import Path

from dspy_programs.lint_loops.git import changed_lines
from dspy_programs.lint_loops.patterns import Pattern
from dspy_programs.lint_loops.run import Report


def only_patterns(report: Report, patterns: Collection[Pattern], min_slowdown: int) -> None:
    """Drop findings of other patterns, and of those estimated below a slow-down in percent."""
    report.findings = [each for each in report.findings if each.pattern in patterns and each.pattern.slowdown >= min_slowdown]


def only_changed(report: Report, commit: str, paths: Sequence[Path]) -> None:
    """Drop findings on lines that are as they were in a commit. Raises UsageError where git cannot tell."""
    changed = changed_lines(commit, [path if path.is_dir() else path.parent for path in paths])
    kept = []
    for each in report.findings:
        lines = changed.get(Path(each.file).resolve(), frozenset())
        if lines is None or not lines.isdisjoint(range(each.line, each.end_line + 1)):
            kept.append(each)
    report.findings = kept

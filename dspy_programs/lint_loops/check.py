"""Check one file: its text in, findings or a note out. Nothing is imported or run.

Guarantees no file raises: what cannot be parsed becomes a note that says where and why.
"""

import ast
import warnings
from typing import NamedTuple

from dspy_programs.lint_loops.detectors.all import hits_in
from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.ignored import ignored_lines


class Checked(NamedTuple):
    """What one file gave. problem: why it could not be checked, "" if it was; ignored: findings that a comment dismisses."""

    file: str
    findings: list[Finding]
    problem: str
    lines: int
    ignored: int = 0


def check_text(text: str, file: str = "<text>") -> Checked:
    """Find the patterns in Python code. file: the name to report."""
    lines = text.count("\n") + (not text.endswith("\n"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the code that is read
            module = ast.parse(text)
        by_line = text.split("\n")
        found = [
            Finding(
                file,
                hit.node.lineno,
                _column(by_line, hit.node),
                _last_line(hit.node),
                hit.pattern,
                hit.mend,
                hit.shape,
            )
            for hit in hits_in(module)
        ]
    except SyntaxError as error:
        return Checked(file, [], f"line {error.lineno or 1}: not Python: {error.msg}", lines)
    except ValueError as error:
        return Checked(file, [], f"not Python: {error}", lines)
    except (RecursionError, MemoryError):
        return Checked(file, [], "nested too deeply to be checked", lines)
    dismissed = ignored_lines(text, {at for each in found for at in (each.line, each.end_line)})
    kept = [each for each in found if not any(_is_dismissed(each, dismissed.get(at)) for at in {each.line, each.end_line})]
    return Checked(file, sorted(kept, key=lambda each: each.order), "", lines, len(found) - len(kept))


def _is_dismissed(finding: Finding, codes: frozenset[str] | None) -> bool:
    return codes is not None and (not codes or any(finding.pattern.code.startswith(code) for code in codes))


def _last_line(node: ast.stmt | ast.expr) -> int:
    """Return the last line of a finding: of a loop that of its first line, since its body is another matter."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return node.iter.end_lineno or node.lineno
    if isinstance(node, ast.While):
        return node.test.end_lineno or node.lineno
    return node.end_lineno or node.lineno


def _column(lines: list[str], node: ast.stmt | ast.expr) -> int:
    """Return the column in characters, from 1: the parser counts bytes."""
    line = lines[node.lineno - 1] if node.lineno <= len(lines) else ""  # a form feed ends a line for some, not for the parser
    if line.isascii():
        return node.col_offset + 1
    return len(line.encode("utf-8", "replace")[: node.col_offset].decode("utf-8", "ignore")) + 1

"""Find loops in Python code that are slower than they need to be; nothing is imported or run.

from dspy_programs.lint_loops import lint

for finding in lint([Path("src")]).findings:
    print(finding.file, finding.line, finding.pattern.name, finding.suggestion)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.lint_loops.check import Checked, check_text
    from dspy_programs.lint_loops.finding import Finding
    from dspy_programs.lint_loops.patterns import PATTERNS, Pattern
    from dspy_programs.lint_loops.run import Report, lint

_HOMES = {
    "PATTERNS": "patterns",
    "Checked": "check",
    "Finding": "finding",
    "Pattern": "patterns",
    "Report": "run",
    "check_text": "check",
    "lint": "run",
}
__all__ = ["PATTERNS", "Checked", "Finding", "Pattern", "Report", "check_text", "lint"]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)

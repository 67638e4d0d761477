"""Find loops in Python code that are slower than they need to be; nothing is imported or run.

from dspy_programs.lint_loops import lint

for finding in lint([Path("src")]).findings:
    print(finding.file, finding.line, finding.pattern.name, finding.suggestion)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.lint_loops.check import Checked, check_text
    from dspy_programs.lint_loops.code.source import text_of as text_of
    from dspy_programs.lint_loops.config import patterns_of as patterns_of, read_config as read_config
    from dspy_programs.lint_loops.explaining.excerpt import Excerpt as Excerpt, excerpts_of as excerpts_of
    from dspy_programs.lint_loops.explaining.explained import Explained as Explained
    from dspy_programs.lint_loops.explaining.offline import (
        Explanation as Explanation,
        explain_by_rules as explain_by_rules,
        suggestion_in as suggestion_in,
    )
    from dspy_programs.lint_loops.explaining.rewrite_checks import fault_of as fault_of, new_names as new_names
    from dspy_programs.lint_loops.finding import Finding
    from dspy_programs.lint_loops.fixing.fix import fix_all as fix_all, fixed as fixed
    from dspy_programs.lint_loops.measuring.measure import measured_all as measured_all
    from dspy_programs.lint_loops.patterns import BY_NAME as BY_NAME, PATTERNS, Pattern
    from dspy_programs.lint_loops.reports.written import print_report as print_report
    from dspy_programs.lint_loops.run import STDIN as STDIN, Report, lint
    from dspy_programs.lint_loops.selection import only_changed as only_changed, only_patterns as only_patterns

_HOMES = {
    "BY_NAME": "patterns",
    "Checked": "check",
    "Excerpt": "explaining.excerpt",
    "Explained": "explaining.explained",
    "Explanation": "explaining.offline",
    "Finding": "finding",
    "PATTERNS": "patterns",
    "Pattern": "patterns",
    "Report": "run",
    "STDIN": "run",
    "check_text": "check",
    "excerpts_of": "explaining.excerpt",
    "explain_by_rules": "explaining.offline",
    "fault_of": "explaining.rewrite_checks",
    "fix_all": "fixing.fix",
    "fixed": "fixing.fix",
    "lint": "run",
    "measured_all": "measuring.measure",
    "new_names": "explaining.rewrite_checks",
    "only_changed": "selection",
    "only_patterns": "selection",
    "patterns_of": "config",
    "print_report": "reports.written",
    "read_config": "config",
    "suggestion_in": "explaining.offline",
    "text_of": "code.source",
}
__all__ = ["PATTERNS", "Checked", "Finding", "Pattern", "Report", "check_text", "lint"]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)

"""The checks of training data, one file each, and what runs them over a file."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.checks.options import (
        CHECKS as CHECKS,
        CheckOptions as CheckOptions,
        Severity as Severity,
    )
    from dspy_programs.data.checks.report import (
        Issue as Issue,
        ValidationReport as ValidationReport,
        write_report as write_report,
    )
    from dspy_programs.data.checks.validator import Validator as Validator

_HOMES = {
    "CHECKS": "options",
    "CheckOptions": "options",
    "Issue": "report",
    "Severity": "options",
    "ValidationReport": "report",
    "Validator": "validator",
    "write_report": "report",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

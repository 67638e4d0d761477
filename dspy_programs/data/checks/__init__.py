"""The checks of training data, one file each, and what runs them over a file."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.checks.candidates import (
        candidate_pairs as candidate_pairs,
    )
    from dspy_programs.data.checks.checker import Checker as Checker
    from dspy_programs.data.checks.growing_numbers import Growing as Growing
    from dspy_programs.data.checks.minhash import (
        BANDS as BANDS,
        bands_of as bands_of,
    )
    from dspy_programs.data.checks.near_dup import (
        Shape as Shape,
        Text as Text,
        similarity as similarity,
    )
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
    from dspy_programs.data.checks.secrets import (
        secrets_in as secrets_in,
    )
    from dspy_programs.data.checks.validator import Validator as Validator
    from dspy_programs.data.checks.word_hashes import (
        words_of as words_of,
    )

_HOMES = {
    "candidate_pairs": "candidates",
    "Checker": "checker",
    "Growing": "growing_numbers",
    "BANDS": "minhash",
    "bands_of": "minhash",
    "Shape": "near_dup",
    "Text": "near_dup",
    "similarity": "near_dup",
    "secrets_in": "secrets",
    "words_of": "word_hashes",
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

"""Training data from nothing to a gate: read, check, judge, label, grow, export.

from dspy_programs.data import DataFolder, read_pairs

for pair in read_pairs(DataFolder().existing("mine")):
    print(pair.instruction)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.checks import (
        CheckOptions as CheckOptions,
        ValidationReport as ValidationReport,
        Validator as Validator,
    )
    from dspy_programs.data.folder import DataFolder as DataFolder
    from dspy_programs.data.pair import DataPair as DataPair
    from dspy_programs.data.pairs_file import read_pairs as read_pairs
    from dspy_programs.data.scorer import DatasetScore as DatasetScore, ScorerConfig as ScorerConfig, score_rows as score_rows

_HOMES = {
    "CheckOptions": "checks",
    "DataFolder": "folder",
    "DataPair": "pair",
    "DatasetScore": "scorer",
    "ScorerConfig": "scorer",
    "ValidationReport": "checks",
    "Validator": "checks",
    "read_pairs": "pairs_file",
    "score_rows": "scorer",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

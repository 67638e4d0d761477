"""Training data from nothing to a gate: read, check, judge, label, grow, export.

from dspy_programs.data import DataFolder, read_pairs

for pair in read_pairs(DataFolder().existing("mine")):
    print(pair.instruction)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.export.export import Selection as Selection, export_pairs as export_pairs
    from dspy_programs.data.expressions import Expression as Expression
    from dspy_programs.data.folder import DataFolder as DataFolder
    from dspy_programs.data.judgments_file import Judgments as Judgments
    from dspy_programs.data.labels.label import Label as Label
    from dspy_programs.data.labels.store import LabelStore as LabelStore
    from dspy_programs.data.pair import DataPair as DataPair
    from dspy_programs.data.pairs_file import read_pairs as read_pairs

_HOMES = {
    "DataFolder": "folder",
    "DataPair": "pair",
    "Expression": "expressions",
    "Judgments": "judgments_file",
    "Label": "labels.label",
    "LabelStore": "labels.store",
    "Selection": "export.export",
    "export_pairs": "export.export",
    "read_pairs": "pairs_file",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

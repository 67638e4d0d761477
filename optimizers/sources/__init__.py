"""Where the built-in rows come from: public datasets converted to rows, one file per program."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.sources.builders import BUILDERS as BUILDERS
    from optimizers.sources.failure_findings import all_records as all_records, records_of as records_of
    from optimizers.sources.failure_labels import Labelled as Labelled, labelled_runs as labelled_runs
    from optimizers.sources.transfer import Transfer as Transfer

_HOMES = {
    "BUILDERS": "builders",
    "all_records": "failure_findings",
    "records_of": "failure_findings",
    "Labelled": "failure_labels",
    "labelled_runs": "failure_labels",
    "Transfer": "transfer",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""Where the built-in rows come from: public datasets converted to rows, one file per program."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.sources.failure_labels import Labelled as Labelled, labelled_runs as labelled_runs
    from optimizers.sources.transfer import Transfer as Transfer

_HOMES = {
    "Labelled": "failure_labels",
    "labelled_runs": "failure_labels",
    "Transfer": "transfer",
}

__getattr__ = exports(__name__, _HOMES)

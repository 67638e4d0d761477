"""From a file, a folder, the Hub or Python objects to validated rows."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.data.fields import Fields as Fields, fields_of as fields_of
    from optimizers.data.given import Given as Given, as_marked as as_marked, tables_given as tables_given
    from optimizers.data.splits import (
        MOST_OWN as MOST_OWN,
        SPLITS as SPLITS,
        as_jsonl as as_jsonl,
        as_text as as_text,
        completed as completed,
        data_directory as data_directory,
        evenly as evenly,
        examples_of as examples_of,
        read_split as read_split,
        require_unseen as require_unseen,
        sha256 as sha256,
        split_own as split_own,
    )

_HOMES = {
    "Fields": "fields",
    "fields_of": "fields",
    "Given": "given",
    "as_marked": "given",
    "tables_given": "given",
    "MOST_OWN": "splits",
    "SPLITS": "splits",
    "as_jsonl": "splits",
    "as_text": "splits",
    "completed": "splits",
    "data_directory": "splits",
    "evenly": "splits",
    "examples_of": "splits",
    "read_split": "splits",
    "require_unseen": "splits",
    "sha256": "splits",
    "split_own": "splits",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""From recorded runs to rows for training: labelled, redacted, without duplicates, split by goal."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.harvesting.actor_rows import call_fault as call_fault
    from optimizers.harvesting.harvested import (
        MIN_PROBABILITY as MIN_PROBABILITY,
        MODULES as MODULES,
        PER_GOAL as PER_GOAL,
        Harvest as Harvest,
        harvest_runs as harvest_runs,
        lines_of as lines_of,
    )
    from optimizers.harvesting.provenance import goal_key as goal_key
    from optimizers.harvesting.redaction import Redactor as Redactor
    from optimizers.harvesting.windows import (
        LENGTHS as LENGTHS,
        made_row as made_row,
        rows_of_conversation as rows_of_conversation,
        run_from as run_from,
    )

_HOMES = {
    "call_fault": "actor_rows",
    "MIN_PROBABILITY": "harvested",
    "MODULES": "harvested",
    "PER_GOAL": "harvested",
    "Harvest": "harvested",
    "goal_key": "provenance",
    "harvest_runs": "harvested",
    "lines_of": "harvested",
    "Redactor": "redaction",
    "LENGTHS": "windows",
    "made_row": "windows",
    "rows_of_conversation": "windows",
    "run_from": "windows",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""One training run, from its settings to the program it puts into use."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.training.code_digest import code_in as code_in
    from optimizers.training.job import job_of as job_of
    from optimizers.training.own_program import CompiledProgram as CompiledProgram, compile_program as compile_program
    from optimizers.training.run_directory import (
        CANDIDATES as CANDIDATES,
        PROGRESS as PROGRESS,
        REPORT as REPORT,
        RESULTS as RESULTS,
        RunDirectory as RunDirectory,
        default_path as default_path,
        digest as digest,
        identity_of as identity_of,
    )
    from optimizers.training.settings import (
        Training as Training,
        default_out as default_out,
        place_of_rows as place_of_rows,
        read_rows as read_rows,
        rows_to_test as rows_to_test,
        training_of as training_of,
    )
    from optimizers.training.summary import plan_of as plan_of, summary_of as summary_of
    from optimizers.training.training import (
        require_claimable as require_claimable,
        stopping_on_signals as stopping_on_signals,
        train_in as train_in,
    )

_HOMES = {
    "CANDIDATES": "run_directory",
    "PROGRESS": "run_directory",
    "code_in": "code_digest",
    "job_of": "job",
    "CompiledProgram": "own_program",
    "compile_program": "own_program",
    "REPORT": "run_directory",
    "RESULTS": "run_directory",
    "RunDirectory": "run_directory",
    "default_path": "run_directory",
    "digest": "run_directory",
    "identity_of": "run_directory",
    "Training": "settings",
    "default_out": "settings",
    "place_of_rows": "settings",
    "read_rows": "settings",
    "rows_to_test": "settings",
    "training_of": "settings",
    "plan_of": "summary",
    "summary_of": "summary",
    "require_claimable": "training",
    "stopping_on_signals": "training",
    "train_in": "training",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""Optimizers compared on the same rows with the same budget."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.comparison.baselines import OPTIMIZERS as OPTIMIZERS, require_optuna as require_optuna
    from optimizers.comparison.benchmark_report import (
        REFERENCE as REFERENCE,
        Wanted as Wanted,
        as_json as as_json,
        as_markdown as as_markdown,
        plot as plot,
        report_of as report_of,
    )
    from optimizers.comparison.benchmarking import (
        Run as Run,
        claimed as claimed,
        finished as finished,
        run_all as run_all,
        runs_of as runs_of,
    )

_HOMES = {
    "OPTIMIZERS": "baselines",
    "require_optuna": "baselines",
    "REFERENCE": "benchmark_report",
    "Wanted": "benchmark_report",
    "as_json": "benchmark_report",
    "as_markdown": "benchmark_report",
    "plot": "benchmark_report",
    "report_of": "benchmark_report",
    "Run": "benchmarking",
    "claimed": "benchmarking",
    "finished": "benchmarking",
    "run_all": "benchmarking",
    "runs_of": "benchmarking",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

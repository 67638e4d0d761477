"""A run in the browser, while it is at work and later: pages made from nothing but its folder."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.watching.mlflow_log import log_to_mlflow as log_to_mlflow, mlflow_address as mlflow_address
    from optimizers.watching.pages import page_of_run as page_of_run
    from optimizers.watching.server import serve as serve, server_of as server_of

_HOMES = {
    "log_to_mlflow": "mlflow_log",
    "mlflow_address": "mlflow_log",
    "page_of_run": "pages",
    "serve": "server",
    "server_of": "server",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

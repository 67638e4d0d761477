"""Model weights: the catalog, where to download them, and how to verify them."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.lm.weights.messages import (
        without_credentials as without_credentials,
    )

_HOMES = {
    "without_credentials": "messages",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""The libraries that read PDF, HTML and Word."""

import importlib
from typing import Any

from dspy_programs.errors import MissingExtra


def imported(module: str) -> Any:
    """Import a reader's library. Raises MissingExtra."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra('PDF, HTML and Word files need an extra: pip install "dspy-programs[documents]"') from None


def one_line(error: Exception) -> str:
    """Return what a library says of a file, short enough for one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__

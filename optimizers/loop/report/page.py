"""The report of an improvement as one self-contained page: nothing is loaded from elsewhere, no script runs.

All that comes from the folder is escaped.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment

from dspy_programs.atomic_file import write_atomically
from dspy_programs.data.reports import environment
from dspy_programs.text import quantity
from optimizers.loop.report.content import content_of

REPORT = "report.html"


def write_report(folder: Path) -> Path:
    """Write the report into the folder of an improvement, and return its place."""
    path = folder / REPORT
    write_atomically(path, page_of(folder))
    return path


def page_of(folder: Path, refresh: int | None = None, spent: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return the page of an improvement, finished or not.

    refresh: seconds after which a browser loads it anew; spent: figures of the stage that is at work, with their names.
    """
    found, now = content_of(folder), datetime.now(UTC)
    text = _environment().get_template("report.html").render(found=found, now=now, refresh=refresh, spent=spent)
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    style = (files("optimizers.loop.report") / "templates" / "report.css").read_text(encoding="utf-8")
    made = environment("optimizers.loop.report", style)
    made.globals["quantity"] = quantity
    return made

"""Overviews as one self-contained page: nothing is loaded from elsewhere, what is in the data is escaped, no script runs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment

from dspy_programs.data.html_pages import environment
from dspy_programs.data.reports.charts import sections_of
from dspy_programs.data.reports.overview import Overview
from dspy_programs.text import quantity


def page_of(*overviews: Overview) -> bytes:
    """Return the page of a data set, or of several, one after another."""
    return _rendered("data set" if len(overviews) == 1 else "data sets", overviews)


def _rendered(what: str, overviews: Sequence[Overview]) -> bytes:
    shown: list[dict[str, Any]] = [{"found": each, "sections": sections_of(each)} for each in overviews]
    text = _environment().get_template("page.html").render(shown=shown, what=what, now=datetime.now(UTC))
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = environment("dspy_programs.data.reports")
    made.globals["quantity"] = quantity
    return made

"""Overviews as one self-contained page: nothing is loaded from elsewhere, what is in the data is escaped, no script runs."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dspy_programs import __version__
from dspy_programs.data.reports.charts import sections_of
from dspy_programs.data.reports.overview import Overview
from dspy_programs.text import printable, quantity


def page_of(*overviews: Overview) -> bytes:
    """Return the page of a data set, or of several, one after another."""
    return _rendered("data set" if len(overviews) == 1 else "data sets", overviews)


def _rendered(what: str, overviews: Sequence[Overview]) -> bytes:
    shown: list[dict[str, Any]] = [{"found": each, "sections": sections_of(each)} for each in overviews]
    text = _environment().get_template("page.html").render(shown=shown, what=what, now=datetime.now(UTC))
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    folder = files("dspy_programs.data.reports") / "templates"
    made = Environment(
        loader=FileSystemLoader(str(folder)), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = (folder / "style.css").read_text(encoding="utf-8")
    made.globals["style"] = Markup(style)
    made.globals["style_hash"] = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    made.globals["version"] = __version__
    made.globals["quantity"] = quantity
    made.filters["plain"] = printable
    return made

"""A score as one self-contained page: nothing is loaded from elsewhere, everything from the data is escaped, no script runs."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dspy_programs import __version__
from dspy_programs.data.scorer.result import DatasetScore
from dspy_programs.data.scorer.terminal import place, share_of, what_is_in
from dspy_programs.text import printable


def page_of(score: DatasetScore) -> bytes:
    """Return the page of a score."""
    bounds = sorted(((least, name) for name, least in score.bands.items()))
    text = (
        _environment()
        .get_template("score.html")
        .render(score=score, lost=score.lost, bounds=bounds, contents=what_is_in(score), now=datetime.now(UTC))
    )
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    folder = files("dspy_programs.data.scorer") / "templates"
    made = Environment(
        loader=FileSystemLoader(str(folder)), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = (folder / "style.css").read_text(encoding="utf-8")
    made.globals["style"] = Markup(style)
    made.globals["style_hash"] = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    made.globals["version"] = __version__
    made.globals["share_of"] = share_of
    made.filters["plain"] = printable
    made.filters["place"] = place
    return made

"""A score as one self-contained page: nothing is loaded from elsewhere, everything from the data is escaped, no script runs."""

from datetime import UTC, datetime
from functools import lru_cache

from jinja2 import Environment

from dspy_programs.data.html_pages import environment
from dspy_programs.data.scorer.result import DatasetScore
from dspy_programs.data.scorer.terminal import place, share_of, what_is_in


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
    made = environment("dspy_programs.data.scorer")
    made.globals["share_of"] = share_of
    made.filters["place"] = place
    return made

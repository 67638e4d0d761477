"""What is known of data sets, drawn on one page; and what changed between two of them."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.html_pages import environment as environment
    from dspy_programs.data.reports.charts import Bar as Bar, Chart as Chart, rate_bar as rate_bar
    from dspy_programs.data.reports.difference import Difference as Difference, pairs_diff as pairs_diff
    from dspy_programs.data.reports.overview import Overview as Overview, overview_of as overview_of
    from dspy_programs.data.reports.page import page_of as page_of

_HOMES = {
    "Bar": "charts",
    "Chart": "charts",
    "environment": "page",
    "rate_bar": "charts",
    "Difference": "difference",
    "Overview": "overview",
    "overview_of": "overview",
    "page_of": "page",
    "pairs_diff": "difference",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

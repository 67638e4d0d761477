"""A run in the browser, while it is at work and later: pages made from nothing but its folder."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.watching.pages import page_of_run as page_of_run
    from optimizers.watching.server import serve as serve, server_of as server_of

_HOMES = {"page_of_run": "pages", "serve": "server", "server_of": "server"}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

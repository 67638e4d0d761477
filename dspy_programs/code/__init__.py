"""Know a repository: find code by questions, names and patterns; no model is needed, and nothing is run.

from dspy_programs.code import Index, search

index = Index(".")
index.refresh()
for hit in search(index, "where are retries counted?"):
    print(f"{hit.path}:{hit.line}", hit.symbol)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.code.index import Definition, Index, Refreshed
    from dspy_programs.code.parsing.symbol import Symbol
    from dspy_programs.code.searching import Hit, search

_HOMES = {
    "Definition": "index",
    "Hit": "searching",
    "Index": "index",
    "Refreshed": "index",
    "Symbol": "parsing.symbol",
    "search": "searching",
}
__all__ = ["Definition", "Hit", "Index", "Refreshed", "Symbol", "search"]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)

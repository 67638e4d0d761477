"""Know a repository: find code by questions, names and patterns, and what went wrong in its logs; without a model.

from dspy_programs.code import Index, search

index = Index(".")
index.refresh()
for hit in search(index, "where are retries counted?"):
    print(f"{hit.path}:{hit.line}", hit.symbol)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.code.extracting import Piece, extract_lines, extract_symbol
    from dspy_programs.code.grep import Line, grep_files
    from dspy_programs.code.index import Definition, Index, Refreshed
    from dspy_programs.code.logs.digest import Digest, Kind, digest_of, log_context
    from dspy_programs.code.logs.lines import LogLine, lines_in
    from dspy_programs.code.matching import matching_lines, path_matches, shown_line
    from dspy_programs.code.parsing.chunks import symbols_in
    from dspy_programs.code.parsing.languages import language_of
    from dspy_programs.code.parsing.symbol import Symbol
    from dspy_programs.code.reading import signature_of
    from dspy_programs.code.repo_map import RepoMap, map_of
    from dspy_programs.code.searching import Hit, search
    from dspy_programs.code.structure import Match, find_structure
    from dspy_programs.code.tree import tree_of
    from dspy_programs.code.watching import watch_folder

_HOMES = {
    "Definition": "index",
    "Digest": "logs.digest",
    "Hit": "searching",
    "Index": "index",
    "Kind": "logs.digest",
    "Line": "grep",
    "LogLine": "logs.lines",
    "Match": "structure",
    "Piece": "extracting",
    "Refreshed": "index",
    "RepoMap": "repo_map",
    "Symbol": "parsing.symbol",
    "digest_of": "logs.digest",
    "extract_lines": "extracting",
    "extract_symbol": "extracting",
    "find_structure": "structure",
    "grep_files": "grep",
    "language_of": "parsing.languages",
    "lines_in": "logs.lines",
    "log_context": "logs.digest",
    "map_of": "repo_map",
    "matching_lines": "matching",
    "path_matches": "matching",
    "search": "searching",
    "shown_line": "matching",
    "signature_of": "reading",
    "symbols_in": "parsing.chunks",
    "tree_of": "tree",
    "watch_folder": "watching",
}
__all__ = [
    "Definition",
    "Digest",
    "Hit",
    "Index",
    "Kind",
    "Line",
    "LogLine",
    "Match",
    "Piece",
    "Refreshed",
    "RepoMap",
    "Symbol",
    "digest_of",
    "extract_lines",
    "extract_symbol",
    "find_structure",
    "grep_files",
    "language_of",
    "lines_in",
    "log_context",
    "map_of",
    "matching_lines",
    "path_matches",
    "search",
    "shown_line",
    "signature_of",
    "symbols_in",
    "tree_of",
    "watch_folder",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)

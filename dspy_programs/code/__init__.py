"""Know a repository, and change it: find code by questions, names and patterns, and what went wrong in its logs; edit, undo.

from dspy_programs.code import Index, search

index = Index(".")
index.refresh()
for hit in search(index, "where are retries counted?"):
    print(f"{hit.path}:{hit.line}", hit.symbol)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.code.agent_tools import CODE_TOOLS
    from dspy_programs.code.changing.commit_message import CommitMessage, commit_message
    from dspy_programs.code.changing.editing import EditResult, edit
    from dspy_programs.code.changing.patching import Patched, apply_patch
    from dspy_programs.code.changing.proposing import Editor
    from dspy_programs.code.changing.testing import Tested
    from dspy_programs.code.changing.working import Worked, work
    from dspy_programs.code.changing.writing import Undone, undo
    from dspy_programs.code.finding.by_meaning import search_by_meaning, search_fused, search_like
    from dspy_programs.code.finding.by_words import Hit, search
    from dspy_programs.code.finding.extracting import Piece, extract_lines, extract_symbol
    from dspy_programs.code.finding.grep import Line, grep_files
    from dspy_programs.code.finding.structure import Match, find_structure
    from dspy_programs.code.index.index import Definition, Index, Refreshed
    from dspy_programs.code.index.vectors import Embedder, embed_chunks, embedder_named
    from dspy_programs.code.index.watching import watch_folder
    from dspy_programs.code.overview.knowledge import knowledge_of
    from dspy_programs.code.overview.repo_map import RepoMap, map_of
    from dspy_programs.code.overview.tree import tree_of
    from dspy_programs.code.parsing.symbol import Symbol
    from dspy_programs.code.repository import Repository
    from dspy_programs.diffs import Change, File

_HOMES = {
    "CODE_TOOLS": "agent_tools",
    "Change": ".diffs",
    "CommitMessage": "changing.commit_message",
    "Definition": "index.index",
    "EditResult": "changing.editing",
    "Editor": "changing.proposing",
    "Embedder": "index.vectors",
    "File": ".diffs",
    "Hit": "finding.by_words",
    "Index": "index.index",
    "Line": "finding.grep",
    "Match": "finding.structure",
    "Patched": "changing.patching",
    "Piece": "finding.extracting",
    "Refreshed": "index.index",
    "RepoMap": "overview.repo_map",
    "Repository": "repository",
    "Symbol": "parsing.symbol",
    "Tested": "changing.testing",
    "Undone": "changing.writing",
    "Worked": "changing.working",
    "apply_patch": "changing.patching",
    "commit_message": "changing.commit_message",
    "edit": "changing.editing",
    "embed_chunks": "index.vectors",
    "embedder_named": "index.vectors",
    "extract_lines": "finding.extracting",
    "extract_symbol": "finding.extracting",
    "find_structure": "finding.structure",
    "grep_files": "finding.grep",
    "knowledge_of": "overview.knowledge",
    "map_of": "overview.repo_map",
    "search": "finding.by_words",
    "search_by_meaning": "finding.by_meaning",
    "search_fused": "finding.by_meaning",
    "search_like": "finding.by_meaning",
    "tree_of": "overview.tree",
    "undo": "changing.writing",
    "watch_folder": "index.watching",
    "work": "changing.working",
}
__all__ = [
    "CODE_TOOLS",
    "Change",
    "CommitMessage",
    "Definition",
    "EditResult",
    "Editor",
    "Embedder",
    "File",
    "Hit",
    "Index",
    "Line",
    "Match",
    "Patched",
    "Piece",
    "Refreshed",
    "RepoMap",
    "Repository",
    "Symbol",
    "Tested",
    "Undone",
    "Worked",
    "apply_patch",
    "commit_message",
    "edit",
    "embed_chunks",
    "embedder_named",
    "extract_lines",
    "extract_symbol",
    "find_structure",
    "grep_files",
    "knowledge_of",
    "map_of",
    "search",
    "search_by_meaning",
    "search_fused",
    "search_like",
    "tree_of",
    "undo",
    "watch_folder",
    "work",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)

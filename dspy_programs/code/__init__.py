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
    from dspy_programs.code.extracting import Piece, extract_lines, extract_symbol
    from dspy_programs.code.fusing import search_by_meaning, search_fused, search_like
    from dspy_programs.code.grep import Line, grep_files
    from dspy_programs.code.index import Definition, Index, Refreshed
    from dspy_programs.code.knowledge import knowledge_of
    from dspy_programs.code.parsing.symbol import Symbol
    from dspy_programs.code.repo_map import RepoMap, map_of
    from dspy_programs.code.repository import Repository
    from dspy_programs.code.searching import Hit, search
    from dspy_programs.code.structure import Match, find_structure
    from dspy_programs.code.tree import tree_of
    from dspy_programs.code.vectors import Embedder, embed_chunks, embedder_named
    from dspy_programs.code.watching import watch_folder
    from dspy_programs.diffs import Change, File

_HOMES = {
    "CODE_TOOLS": "agent_tools",
    "Change": ".diffs",
    "CommitMessage": "changing.commit_message",
    "Definition": "index",
    "EditResult": "changing.editing",
    "Editor": "changing.proposing",
    "Embedder": "vectors",
    "File": ".diffs",
    "Hit": "searching",
    "Index": "index",
    "Line": "grep",
    "Match": "structure",
    "Patched": "changing.patching",
    "Piece": "extracting",
    "Refreshed": "index",
    "RepoMap": "repo_map",
    "Repository": "repository",
    "Symbol": "parsing.symbol",
    "Tested": "changing.testing",
    "Undone": "changing.writing",
    "Worked": "changing.working",
    "apply_patch": "changing.patching",
    "commit_message": "changing.commit_message",
    "edit": "changing.editing",
    "embed_chunks": "vectors",
    "embedder_named": "vectors",
    "extract_lines": "extracting",
    "extract_symbol": "extracting",
    "find_structure": "structure",
    "grep_files": "grep",
    "knowledge_of": "knowledge",
    "map_of": "repo_map",
    "search": "searching",
    "search_by_meaning": "fusing",
    "search_fused": "fusing",
    "search_like": "fusing",
    "tree_of": "tree",
    "undo": "changing.writing",
    "watch_folder": "watching",
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

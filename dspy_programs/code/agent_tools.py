"""Tools of an agent that works on code: search, map, outline, grep and extract, over the folder that is its workspace.

Input      a bundle names them all: {"bundle": [{"implementation": "dspy_programs.code.agent_tools:CODE_TOOLS"}]}.
Output     texts for a model, cut with a mark that says how to see the rest.
Guarantees nothing is written in the workspace; what the policy closes, and files with other names outside (hard links), are
           not shown.
Raises     ToolError.
"""

import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dspy_programs.agent import Scope, ToolError, tool
from dspy_programs.code.files.source_files import LeftOut
from dspy_programs.code.repository import Repository
from dspy_programs.errors import UsageError

_MOST_CHARACTERS = 12_000
_MOST_HITS = 8
_MOST_LINES = 60


@tool(effect="reads")
def code_search(scope: Scope, question: str) -> str:
    """Find the functions and classes that a question is about, in words or by a name. Returns places, names, first lines."""
    with _code(scope) as code:
        hits = [hit for hit in code.search(question, 2 * _MOST_HITS) if _is_open(scope, hit.path)][:_MOST_HITS]
    shown = (f"{hit.path}:{hit.line}-{hit.end_line} {hit.symbol}\n{_indented(hit.snippet)}" for hit in hits)
    return "\n".join(shown) or f"[nothing is about {question}; grep finds exact words]"


@tool(effect="reads")
def code_map(scope: Scope, tokens: int = 1_000, focus: str = "") -> str:
    """Show the definitions that the rest of the code uses most. focus: a file that matters now."""
    with _code(scope) as code:
        found = code.map(max(50, min(tokens, 4_000)), [focus] if focus else [])
    kept, is_shown = list[str](), True
    for line in found.text.split("\n"):
        is_shown = _is_open(scope, line) if not line.startswith(" ") else is_shown
        kept += [line] if is_shown else []
    return "\n".join(kept) if found.shown else "[no code is here]"


@tool(effect="reads")
def code_outline(scope: Scope, path: str) -> str:
    """Show what a file defines: each class and function with its line and its signature."""
    with _code(scope) as code:
        found = code.outline(_open(scope, path))
    return _cut(f"{one.symbol.head:5} {'  ' * one.symbol.name.count('.')}{one.signature}" for one in found) or (
        f"[{path} defines nothing; read_file shows it]"
    )


@tool(effect="reads")
def code_grep(scope: Scope, pattern: str, files: str = "*") -> str:
    """Find lines in the repository's own files by a regular expression; what git ignores is left out. files: like *.py."""
    told = LeftOut()
    with _code(scope) as code:
        found = [line for line in code.grep(pattern, 500, only=[files], left_out=told) if _is_open(scope, line.path)]
    if not found:
        return f"[no line fits {pattern}]"
    more = [f"[{len(found) - _MOST_LINES} more lines; write a more exact pattern]"] if len(found) > _MOST_LINES else []
    return _cut([*(f"{line.path}:{line.number}: {line.text}" for line in found[:_MOST_LINES]), *more])


@tool(effect="reads")
def code_extract(scope: Scope, symbol: str, path: str = "") -> str:
    """Show a whole function or class by its dotted name, or the end of it: Session.send. path: if several have the name."""
    with _code(scope) as code:
        piece = code.extract(symbol, _open(scope, path) if path else "")
    _open(scope, piece.path)
    return f"{piece.path}:{piece.line}-{piece.end_line}\n{_cut(piece.text.splitlines())}"


CODE_TOOLS = [code_search, code_map, code_outline, code_grep, code_extract]


@functools.lru_cache(maxsize=8)
def _repository(folder: Path) -> Repository:
    return Repository(folder)


@contextmanager
def _code(scope: Scope) -> Iterator[Repository]:
    """Give the workspace's code; what is wrong becomes one line for the model."""
    try:
        yield _repository(scope.workspace.root)
    except UsageError as error:
        raise ToolError(str(error).replace(", or say which (nth)", "")) from None


def _is_open(scope: Scope, path: str) -> bool:
    closed = scope.workspace.closed
    return not (closed and closed(path)) and not scope.workspace.is_shared(path)


def _open(scope: Scope, path: str) -> str:
    """Return a path as the index has it. Raises ToolError for one that is not shown."""
    own = scope.workspace.normal(path)
    if not _is_open(scope, own):
        raise ToolError(f"{path}: not shown: the policy denies it, or it has other names outside")
    return own


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _cut(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}\n[cut here; read_file shows the rest]"

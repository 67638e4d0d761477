"""What an MCP client may ask of one folder of code: to read, never to write, and nothing outside of the folder.

Input      the folder, from the command line.
Output     code_operations(folder): the operations, by name.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dspy_programs.code import Repository
from dspy_programs.code.log_bus import redacted_lines
from dspy_programs.serve import code_requests as asked
from dspy_programs.serve.operations import Operation
from dspy_programs.serve.problems import Invalid
from dspy_programs.serve.requests import Request
from dspy_programs.serve.worker_pool import Progress

_LONGEST = 100_000  # characters of one piece
_MOST_LINES = 2_000  # of a tree


class IndexedCode(BaseModel):
    """How large the folder is, and what of it is not shown, with the reasons."""

    files: int
    lines: int
    read: int
    """Files that were new or had changed."""
    left_out: dict[str, int]


class CodeHit(BaseModel):
    """A place: lines from 1, both included; symbol: dotted, "" between definitions; score: a share of the best one's."""

    path: str
    line: int
    end_line: int
    symbol: str
    snippet: str
    score: float


class FoundCode(BaseModel):
    """The best first."""

    hits: list[CodeHit]


class CodeMap(BaseModel):
    """The definitions that the rest of the code uses most, with their lines."""

    text: str
    tokens: int
    shown: int
    known: int


class CodeLine(BaseModel):
    """A line that fits, by its number from 1, and those around it."""

    path: str
    number: int
    text: str
    before: list[str]
    after: list[str]


class FoundLines(BaseModel):
    """In the order of paths and lines."""

    lines: list[CodeLine]
    has_more: bool
    not_searched: dict[str, int]
    """Why files were not searched, and how many."""


class CodePiece(BaseModel):
    """Some lines of a file, as they are: from 1, both included; has_more: the text is longer, and cut."""

    path: str
    line: int
    end_line: int
    symbol: str
    text: str
    has_more: bool


class CodeTree(BaseModel):
    """Folders first, each with the number of files in it."""

    lines: list[str]
    has_more: bool


class LogEvent(BaseModel):
    """Events that are the same but for numbers, ids and times; lines: of the first one, with its stack trace."""

    severity: str
    count: int
    first: str
    last: str
    files: list[str]
    at: str
    lines: list[str]


class ReadLogs(BaseModel):
    """What went wrong, the worst first."""

    files: int
    events: int
    kinds: int
    shown: list[LogEvent]


class _Calls:
    """The calls, on one repository."""

    def __init__(self, folder: Path) -> None:
        self._code = Repository(folder)

    def index(self, request: asked.IndexCode, progress: Progress) -> IndexedCode:
        done = self._code.refresh(progress)
        return IndexedCode(files=done.files, lines=done.lines, read=done.read, left_out=dict(done.left_out))

    def search(self, request: asked.SearchCode, progress: Progress) -> FoundCode:
        hits = self._code.search(request.question, request.count, progress)
        return FoundCode(hits=[CodeHit(**hit._asdict()) for hit in hits])

    def map(self, request: asked.MapCode, progress: Progress) -> CodeMap:
        found = self._code.map(request.max_tokens, request.focus, progress)
        return CodeMap(text=found.text, tokens=found.tokens, shown=found.shown, known=found.known)

    def grep(self, request: asked.GrepCode, progress: Progress) -> FoundLines:
        told, found = Counter[str](), list[CodeLine]()
        for line in self._code.grep(
            request.pattern,
            request.count + 1,
            fixed=request.is_text,
            ignore_case=request.ignore_case,
            only=request.files,
            exclude=request.exclude,
            context=request.context,
            left_out=told,
        ):
            progress(0, 0)
            found.append(CodeLine(**line._asdict()))
        return FoundLines(lines=found[: request.count], has_more=len(found) > request.count, not_searched=dict(told))

    def extract(self, request: asked.ExtractCode, progress: Progress) -> CodePiece:
        if bool(request.symbol) == (request.first_line is not None):
            raise Invalid("send either symbol, or path with first_line and last_line")
        if request.first_line is not None:
            first = request.first_line
            piece = self._code.lines(request.path, first, request.last_line or first, progress)
        else:
            piece = self._code.extract(request.symbol, request.path, request.nth, progress)
        cut = piece._replace(text=piece.text[:_LONGEST])
        return CodePiece(**cut._asdict(), has_more=len(piece.text) > _LONGEST)

    def tree(self, request: asked.ListCode, progress: Progress) -> CodeTree:
        lines = list(self._code.tree(request.path, request.depth))
        return CodeTree(lines=lines[:_MOST_LINES], has_more=len(lines) > _MOST_LINES)

    def logs(self, request: asked.ReadLogs, progress: Progress) -> ReadLogs:
        found = self._code.context(request.logs)
        for kind in found.kinds[: request.count]:
            kind.lines = redacted_lines(kind.lines)
        shown = [LogEvent.model_validate(vars(kind)) for kind in found.kinds[: request.count]]
        return ReadLogs(files=found.files, events=found.events, kinds=len(found.kinds), shown=shown)


def code_operations(folder: Path) -> dict[str, Operation]:
    """Return what is offered for one folder. Raises UsageError for a folder that cannot be read."""
    calls = _Calls(folder)
    named: list[tuple[str, str, str, type[Request], type[BaseModel], Any]] = [
        (
            "index_code",
            "Bring the index of the code up to date",
            "Read what has changed in the folder, and say how large it is. The other tools do this themselves; call it first "
            "for a large folder.",
            asked.IndexCode,
            IndexedCode,
            calls.index,
        ),
        (
            "search_code",
            "Find code by a question",
            "Find the functions and classes that a question in words, or a name, is about. Returns paths, lines, names and "
            "the lines that say most.",
            asked.SearchCode,
            FoundCode,
            calls.search,
        ),
        (
            "map_code",
            "Draw a map of the code",
            "Show the definitions that the rest of the code uses most, within a number of tokens. Use it first in a folder "
            "that you do not know; `focus` puts first what these files use.",
            asked.MapCode,
            CodeMap,
            calls.map,
        ),
        (
            "grep_code",
            "Find lines in the code",
            "Find the lines that a regular expression or a text fits, in the folder's own files. Use it for exact words, and "
            "for what is no definition.",
            asked.GrepCode,
            FoundLines,
            calls.grep,
        ),
        (
            "extract_code",
            "Read a piece of code",
            "Read a whole definition by its dotted name, with its decorators and the comment above it, or some lines of a "
            "file by their numbers.",
            asked.ExtractCode,
            CodePiece,
            calls.extract,
        ),
        (
            "list_code",
            "List the files",
            "Show the folder's own files as a tree, with their sizes; what git ignores is left out.",
            asked.ListCode,
            CodeTree,
            calls.tree,
        ),
        (
            "read_logs",
            "Find out what went wrong in logs",
            "Read log files in the folder, and say what went wrong: each kind of event once with its stack trace, how often "
            "it came and when, the worst first.",
            asked.ReadLogs,
            ReadLogs,
            calls.logs,
        ),
    ]
    return {
        name: Operation(name, title, "", says, ("code",), request, answer, call, False, lambda request: 0)
        for name, title, says, request, answer, call in named
    }

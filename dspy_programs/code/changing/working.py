"""The agent at work in a folder of code: with tools that search it, and so that its changes can be undone.

Output     code_tools(folder) -> what an agent needs to find its way; work(agent, task) -> its result.
Guarantees the tools show nothing that the policy has closed. What the agent has changed can be undone by `undo`, unless the
           folder is too large for a snapshot; then the checkpoint has what git tracks.
"""

from pathlib import Path
from typing import NamedTuple

from dspy_programs.agent import Agent, AgentResult, AgentTool, Scope, Snapshot, ToolError, tool
from dspy_programs.code.changing.checkpoint import drop_checkpoint, keep_checkpoint
from dspy_programs.code.changing.folder import Folder, Kept, folders_above
from dspy_programs.code.changing.journal import Journal, digest_of
from dspy_programs.code.extracting import extract_symbol
from dspy_programs.code.index import Index
from dspy_programs.code.repo_map import map_of
from dspy_programs.code.searching import search
from dspy_programs.errors import UsageError

_HITS = 8
_MAP_TOKENS = 800


class Worked(NamedTuple):
    """What an agent did. changed: files; undoable: whether `undo` puts them back; checkpoint: a ref of git, or ""."""

    result: AgentResult
    changed: list[str]
    undoable: bool
    checkpoint: str


def code_tools(folder: str | Path, index_file: Path | None = None) -> list[AgentTool]:
    """Return tools that search the code of a folder by its index, which is brought up to date at each call."""

    def index() -> Index:
        held = Index(Path(folder), index_file)
        held.refresh()
        return held

    @tool(effect="reads")
    def search_code(scope: Scope, question: str) -> str:
        """Find the functions and classes that a question is about, like: where are retries counted?"""
        hits = [hit for hit in search(index(), question, _HITS) if not _closed(scope, hit.path)]
        return "\n".join(f"{hit.path}:{hit.line} {hit.symbol}\n{hit.snippet}" for hit in hits) or "[nothing found]"

    @tool(effect="reads")
    def show_definition(scope: Scope, name: str) -> str:
        """Show a function or class by its dotted name, like Session.send, with its path and lines."""
        try:
            piece = extract_symbol(Path(folder), name, None, index_file)
        except UsageError as error:
            raise ToolError(str(error)) from None
        if _closed(scope, piece.path):
            raise ToolError(f"{name}: the policy denies it")
        return f"{piece.path}:{piece.line}-{piece.end_line}\n{piece.text}"

    @tool(effect="reads")
    def code_map(scope: Scope) -> str:
        """Show the definitions that the rest of the code uses most."""
        if scope.workspace.closed:
            raise ToolError("the policy closes files here, so there is no map; use search_code")
        return map_of(index(), _MAP_TOKENS).text or "[no definitions]"

    return [search_code, show_definition, code_map]


def _closed(scope: Scope, path: str) -> bool:
    return scope.workspace.closed is not None and scope.workspace.closed(path)


def work(agent: Agent, task: str) -> Worked:
    """Let an agent work on a task in its workspace. Raises what Agent.run does; what was changed until then can be undone."""
    folder = Folder(agent.workspace.root)
    journal = Journal(folder)
    try:
        before = Snapshot.of(folder.workspace)
        checkpoint = keep_checkpoint(folder.root, (), task)
        changed = list[str]()
        try:
            result = agent.run(task)
        finally:
            if before is not None:
                with journal.locked():
                    changed = _record(journal, before, task, checkpoint)
            if before is not None and not changed:
                drop_checkpoint(folder.root, checkpoint)
        return Worked(result, changed, before is not None, checkpoint if changed or before is None else "")
    finally:
        journal.close()


def _record(journal: Journal, before: Snapshot, task: str, checkpoint: str) -> list[str]:
    """Put what differs from a snapshot on file; return the paths."""
    folder = journal.folder
    new, changed = before.changes()
    paths = [path for path in [*new, *changed] if folder.workspace.kind(path) in (None, "file")]
    if paths:
        number = journal.begin(task, checkpoint)
        with journal.together():
            for path in paths:
                was, now = before.files.get(path), folder.kept(path)
                above = next((one for one in reversed(folders_above(path)) if one not in before.folders), "")
                journal.intend(number, path, was and Kept(*was), above, digest_of(now and now.content))
        journal.settle(number, "done")
    return paths

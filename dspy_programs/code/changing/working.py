"""The agent at work in a folder of code, so that its changes can be undone.

Guarantees what the agent has changed can be undone by `undo`, unless the folder is too large for a snapshot; then the
           checkpoint has what git tracks.
"""

from typing import NamedTuple

from dspy_programs.agent import Agent, AgentResult, Snapshot
from dspy_programs.code.changing.checkpoint import drop_checkpoint, keep_checkpoint
from dspy_programs.code.changing.folder import Folder, Kept, folders_above
from dspy_programs.code.changing.journal import Journal, digest_of
from dspy_programs.code.changing.writing import settle


class Worked(NamedTuple):
    """What an agent did. changed: files; undoable: whether `undo` puts them back; checkpoint: a ref of git, or ""."""

    result: AgentResult
    changed: list[str]
    undoable: bool
    checkpoint: str


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
        settle(journal, number)
    return paths

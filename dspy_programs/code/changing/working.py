"""The agent at work in a folder of code, so that its changes can be undone.

Guarantees what the agent has changed can be undone by `undo`, also if the process is killed, unless the folder is too large for
           a snapshot; then the checkpoint has what git tracks. No other process changes the folder by these commands meanwhile.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import NamedTuple

from dspy_programs.agent import Agent, AgentResult, Snapshot
from dspy_programs.code.changing.checkpoint import drop_checkpoint, keep_checkpoint
from dspy_programs.code.changing.folder import Folder
from dspy_programs.code.changing.holding import holding, record
from dspy_programs.code.changing.journal import Journal
from dspy_programs.code.changing.writing import settle
from dspy_programs.errors import UsageError

_BEAT = 1.0  # seconds


class Worked(NamedTuple):
    """What an agent did. changed: files; undoable: whether `undo` puts them back; checkpoint: a ref of git, or ""."""

    result: AgentResult
    changed: list[str]
    undoable: bool
    checkpoint: str


def work(agent: Agent, task: str, held: Journal | None = None) -> Worked:
    """Let an agent work on a task in its workspace.

    Args:
        agent: Its workspace is the folder.
        task: What to do, in words.
        held: The folder's journal, if it is held already.

    Raises:
        UsageError: Another process changes the folder; nothing was changed.
        Exception: What Agent.run raises; what was changed until then can be undone.
    """
    with nullcontext(held) if held is not None else holding(Folder(agent.workspace.root)) as journal:
        folder = journal.folder
        before = Snapshot.of(folder.workspace)
        checkpoint = keep_checkpoint(folder.root, (), task)
        with journal.together():
            number = journal.begin(task, checkpoint, "not kept" if before is None else "working")
            if before is not None:
                journal.keep_snapshot(number, before)
        changed = list[str]()
        try:
            with _alive(journal, number):
                result = agent.run(task)
        finally:
            if before is not None:
                changed = record(journal, number, before)
            if changed:
                settle(journal, number)
            else:
                journal.forget(number)
            if before is not None and not changed:
                drop_checkpoint(folder.root, checkpoint)
        return Worked(result, changed, before is not None, checkpoint if changed or before is None else "")


@contextmanager
def _alive(journal: Journal, number: int) -> Iterator[None]:
    """Keep on file until when a run was alive: what is changed after a kill is not its own."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT):
            with suppress(UsageError):
                journal.beat(number)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

"""What a tool's call gets in the tests: a workspace, nobody or somebody to ask, notes in a list."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dspy_programs.agent.tools.tool import AgentTool, Scope, ToolError
from dspy_programs.agent.workspace.workspace import Workspace


class Kept:
    """Notes and the ledger in one."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.facts: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def remember(self, text: str) -> None:
        self.facts.append(text)

    def recall(self, query: str) -> list[str]:
        return [fact for fact in self.facts if any(word in fact for word in query.split())]


def nobody(question: str) -> None:
    return None


def reported(goal: str, tools: Sequence[str]) -> str:
    return f"did {goal} with {', '.join(tools) or 'all'}"


def workspace_of(folder: Path, files: Mapping[str, str]) -> Workspace:
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return Workspace(folder)


def scope_in(folder: Path, *, ask: Callable[[str], str | None] = nobody, seconds: float = 10) -> Scope:
    folder.mkdir(exist_ok=True)
    kept = Kept()
    return Scope(Workspace(folder), ask, kept, kept, reported, seconds)


def said(tool: AgentTool, scope: Scope, /, **arguments: object) -> str:
    """Return what a tool says, its error included."""
    try:
        return str(tool.call(scope, arguments))
    except ToolError as error:
        return f"ToolError: {error}"

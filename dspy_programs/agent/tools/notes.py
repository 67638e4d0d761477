"""Notes of the agent: to the open task, and for later in the session."""

from dspy_programs.agent.tools.tool import Composed, Scope, ToolError, tool

_LONGEST = 2_000  # characters


@tool(effect="writes", idempotent=True)
def update_progress(scope: Scope, note: Composed) -> str:
    """Note in a sentence what is done or found so far."""
    scope.ledger.note(_short(note))
    return "noted"


@tool(effect="writes", idempotent=True)
def remember(scope: Scope, fact: Composed) -> str:
    """Keep a fact for later, like: the server's port is 8080."""
    scope.notes.remember(_short(fact))
    return "kept"


@tool(effect="reads")
def recall(scope: Scope, query: str) -> str:
    """Look up facts that were kept with remember."""
    return "\n".join(f"- {fact}" for fact in scope.notes.recall(query)) or "[nothing about it was kept]"


def _short(text: str) -> str:
    if not text.strip():
        raise ToolError("the text is empty")
    if len(text) > _LONGEST:
        raise ToolError(f"{len(text):,} characters are too many for a note; say it in a sentence, or write a file")
    return text.strip()

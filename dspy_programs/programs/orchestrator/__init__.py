"""From a question about a repository to the one tool that answers it, with its arguments."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.orchestrator.as_command import command_words as command_words
    from dspy_programs.programs.orchestrator.choosing import Chosen as Chosen, chosen_by_rules as chosen_by_rules
    from dspy_programs.programs.orchestrator.known_values import Place as Place
    from dspy_programs.programs.orchestrator.orchestrator import (
        Orchestrator as Orchestrator,
        OrchestratorResult as OrchestratorResult,
    )
    from dspy_programs.programs.orchestrator.repository_tools import (
        READ_ONLY as READ_ONLY,
        REPOSITORY_TOOLS as REPOSITORY_TOOLS,
        WHEN as WHEN,
    )

_HOMES = {
    "Chosen": "choosing",
    "chosen_by_rules": "choosing",
    "command_words": "as_command",
    "Place": "known_values",
    "Orchestrator": "orchestrator",
    "OrchestratorResult": "orchestrator",
    "READ_ONLY": "repository_tools",
    "REPOSITORY_TOOLS": "repository_tools",
    "WHEN": "repository_tools",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""From a task and tools to typed calls."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.actor.actor import (
        NO_TOOL as NO_TOOL,
        Actor as Actor,
        ActorResult as ActorResult,
        as_lines as as_lines,
        as_text as as_text,
        checked_step as checked_step,
        decision as decision,
    )
    from dspy_programs.programs.actor.arguments import check as check
    from dspy_programs.programs.actor.call_reader import closing as closing
    from dspy_programs.programs.actor.grounding import MissingArgument as MissingArgument

_HOMES = {
    "Actor": "actor",
    "ActorResult": "actor",
    "NO_TOOL": "actor",
    "MissingArgument": "grounding",
    "as_lines": "actor",
    "as_text": "actor",
    "check": "arguments",
    "checked_step": "actor",
    "closing": "call_reader",
    "decision": "actor",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

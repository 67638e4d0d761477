"""The closed loop: from real runs to a challenger, and into use only if it wins on held-back rows."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.loop.cycles import (
        Improvement as Improvement,
        improve_agent as improve_agent,
        plan as plan,
    )
    from optimizers.loop.log import Log as Log
    from optimizers.loop.online_program import Online as Online
    from optimizers.loop.round import Decision as Decision, Loop as Loop, line_of as line_of, one_round as one_round

_HOMES = {
    "Decision": "round",
    "Improvement": "cycles",
    "improve_agent": "cycles",
    "plan": "cycles",
    "Log": "log",
    "Loop": "round",
    "Online": "online_program",
    "line_of": "round",
    "one_round": "round",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

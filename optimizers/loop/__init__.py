"""The closed loop: from real runs to a challenger, and into use only if it wins on held-back rows."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.loop.cycles import improve_agent as improve_agent
    from optimizers.loop.log import Log as Log
    from optimizers.loop.loop_rows import ARROWS as ARROWS, arrows_left as arrows_left
    from optimizers.loop.online_program import Online as Online
    from optimizers.loop.prices import price_of as price_of
    from optimizers.loop.report import write_report as write_report
    from optimizers.loop.round import Decision as Decision, Loop as Loop, line_of as line_of, one_round as one_round
    from optimizers.loop.stages import Improvement as Improvement, plan as plan

_HOMES = {
    "Decision": "round",
    "ARROWS": "loop_rows",
    "arrows_left": "loop_rows",
    "Improvement": "stages",
    "improve_agent": "cycles",
    "plan": "stages",
    "price_of": "prices",
    "Log": "log",
    "Loop": "round",
    "Online": "online_program",
    "line_of": "round",
    "one_round": "round",
    "write_report": "report",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""Judge pairs by a rubric, with any models or by rules; measure judges against people and against each other.

Verdicts are computed here from scores and the rubric's pass condition; a model's reply is only ever scores and a reason.
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.judging.judges import ModelJudge as ModelJudge, RulesJudge as RulesJudge, Unjudged as Unjudged
    from dspy_programs.data.judging.judgment import Judgment as Judgment
    from dspy_programs.data.judging.panel import Panel as Panel
    from dspy_programs.data.judging.run import Health as Health, Outcome as Outcome, outcomes as outcomes

_HOMES = {
    "Health": "run",
    "Judgment": "judgment",
    "ModelJudge": "judges",
    "Outcome": "run",
    "Panel": "panel",
    "RulesJudge": "judges",
    "Unjudged": "judges",
    "outcomes": "run",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

"""From a slow loop to why it is slow, in the names of its code, and the mended loop."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.loop_explainer.loop_explainer import (
        LoopExplainer as LoopExplainer,
        LoopExplainerResult as LoopExplainerResult,
    )

_HOMES = {
    "LoopExplainer": "loop_explainer",
    "LoopExplainerResult": "loop_explainer",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)

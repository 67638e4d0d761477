"""The one place that decides which language model a program calls, and whether rules may answer instead.

Rules answer if no model was ever chosen in this process, or if none was chosen on purpose, with `use(None)` or
`configure(None)`. Python gives a new thread no context, so the model of `with use(...)` is not visible in a plain thread or
executor. Which model was meant there is unknown: two threads may use two, and a block may have ended. So that is an error,
never a silent fallback to rules: in every thread except the main one, which cannot have lost a context.

DSPy is not imported here: the tools' rules do not need it, and it takes a second to load.
"""

import sys
import threading
from typing import TYPE_CHECKING, Any, Literal

from dspy_programs.errors import ModelLost

if TYPE_CHECKING:
    import dspy

Choice = Literal["model", "rules"]
CHOICE = "dspy_programs_choice"  # a setting of DSPy's, so that it goes wherever DSPy carries the model: "model" or "rules"
_LOST = (
    "no model is in use in this thread; one was chosen in another with use(...), which plain threads do not see. Take it along "
    "from there: pool.submit(contextvars.copy_context().run, program, ...), dspy.Parallel, program.batch or program.acall; or "
    "choose here: with use(...), or with use(None) for the rules; or configure(...) for the whole process"
)


class Chosen:
    """What happened in this process; `once`: `use` has begun a block with a model."""

    once = False


def model_in_use(own: "dspy.LM | None" = None) -> "dspy.LM | None":
    """Return the model to ask, None if the rules should answer. Whoever set one has imported DSPy.

    own: the predictor's own model (`program.set_lm`), which overrides the context's, but not a choice of the rules.
    Raises ModelLost in a thread that cannot see the model that was chosen.
    """
    settings = _settings_of_dspy()
    if settings is None:
        return None
    model: dspy.LM | None = settings.lm
    if model is None and choice(settings) == "rules":
        return None
    if model is None and own is None and is_lost(settings):
        raise ModelLost(_LOST)
    return own or model


def _settings_of_dspy() -> Any:
    """Return None if DSPy has not been imported, or not completely yet, by another thread."""
    return getattr(sys.modules.get("dspy"), "settings", None)


def choice(settings: Any) -> Choice | None:
    """Return the choice in this context, None if there is none."""
    return settings[CHOICE] if CHOICE in settings else None


def is_lost(settings: Any) -> bool:
    """Return whether a context without a model may have lost it."""
    return Chosen.once and choice(settings) is None and threading.current_thread() is not threading.main_thread()

"""The language model in use, asked for without importing DSPy: the tools' rules need none, and DSPy takes a second to load."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dspy


def model_in_use() -> "dspy.LM | None":
    """Return DSPy's current model. Whoever set one has imported DSPy; it is not imported to find that there is none."""
    dspy = sys.modules.get("dspy")
    return None if dspy is None else dspy.settings.lm

"""The model named by a command's options, if any; without one DSPy is not imported, so rules answer at once."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dspy


def model_named(lm: str | None, api_base: str | None, api_key: str | None, no_cache: bool, **settings: Any) -> "dspy.LM | None":
    """Return the model that the options name, its weights downloaded and its answers cached on disk; None without a name."""
    if not lm:
        return None
    from dspy_programs.lm.cached import connect_kept

    return connect_kept(lm, not no_cache, api_base=api_base, api_key=api_key, **settings)


@contextlib.contextmanager
def using(lm: str | None, api_base: str | None, api_key: str | None, no_cache: bool) -> "Iterator[dspy.LM | None]":
    """Run a block on the model that the options name, if any, and yield it."""
    model = model_named(lm, api_base, api_key, no_cache)
    if model is None:
        yield None
        return
    from dspy_programs.lm.models import use

    with use(model):
        yield model

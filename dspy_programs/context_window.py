"""How much a language model can read at once, without asking anyone: by its engine, else by the table inside litellm's wheel.

Guarantees no network access; a model that nobody knows is taken to have UNKNOWN tokens, which nearly all have.
"""

import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

UNKNOWN = 8192  # tokens
_TABLE = "model_prices_and_context_window_backup.json"


def is_local(lm: Any) -> bool:
    """Return whether a model runs on this machine's processor, where every token takes time."""
    return str(getattr(lm, "model", "")).startswith("local/")


def context_tokens(lm: Any) -> int:
    """Return the context of a model in tokens.

    Args:
        lm: A `dspy.LM`.

    Returns:
        The most tokens that it reads, as its engine or litellm's table says; else 8,192.
    """
    own = getattr(getattr(lm, "engine", None), "context_tokens", None)
    if isinstance(own, int) and own > 0:
        return own
    spec = str(getattr(lm, "model", ""))
    names = (spec, spec.partition("/")[2], spec.rpartition("/")[2])
    return next((tokens for name in names if (tokens := _known_contexts().get(name))), UNKNOWN)


@functools.cache
def _known_contexts() -> dict[str, int]:
    found = importlib.util.find_spec("litellm")  # found, not imported: importing it takes seconds, and asks the network
    try:
        table = json.loads((Path(found.origin).parent / _TABLE).read_bytes()) if found and found.origin else {}
    except (OSError, ValueError):
        return {}
    contexts = {name: each.get("max_input_tokens") or each.get("max_tokens") for name, each in table.items()}
    return {name: tokens for name, tokens in contexts.items() if isinstance(tokens, int) and tokens > 0}

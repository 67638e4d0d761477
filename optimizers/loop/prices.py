"""What calls of a model cost before they are made, by DSPy's price table."""

from collections.abc import Callable

import dspy
from dspy.clients.model_metadata import model_info

_CALL = (1500, 200)  # tokens in and out of a call


def price_of(lm: dspy.LM) -> Callable[[int], str]:
    """Return a function of calls: what they cost, as text."""
    provider, _, name = str(lm.model).partition("/")
    info = {} if provider == "local" else model_info(provider, name) or {}
    try:
        usd = _CALL[0] * float(info["input_cost_per_token"]) + _CALL[1] * float(info["output_cost_per_token"])
    except (KeyError, TypeError, ValueError):
        return lambda calls: ", free" if provider == "local" else ", price unknown"
    return lambda calls: f", about {calls * usd:.2f} USD at {_CALL[0]} + {_CALL[1]} tokens a call"

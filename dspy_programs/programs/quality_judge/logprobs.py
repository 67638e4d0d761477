"""How likely each answer was: the probabilities of a field's values, from the log-probabilities of a reply's tokens.

A small model that is torn between two answers must write one of them; its log-probabilities say how torn it was. They are the
model's own even under a grammar, so forbidden values are dropped here and the rest is normalised to 1.

Input      reply: a Prediction of a predictor called with `config=asking(...)`; field: the name of an output; options: its
           possible values, no two with the same start (single digits, letters, words).
Output     option -> probability in [0, 1], in the order of `options`; None if the engine gave no log-probabilities, or none
           where the value starts.
Source     token probabilities as weights: G-Eval (Liu et al. 2023).
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import dspy

from dspy_programs.model_in_use import model_in_use

ASK = {"logprobs": True, "top_logprobs": 20}  # the most that servers give
_LOGPROBS = "logprobs"


def asking(own: dspy.LM | None = None) -> dict[str, Any]:
    """Return the configuration that requests log-probabilities; empty if the engine does not support them.

    own: the predictor's own model, if it has one.
    """
    engine = getattr(model_in_use(own), "engine", None)
    return dict(ASK) if _LOGPROBS in getattr(engine, "supported_params", ()) else {}


def option_probabilities(reply: dspy.Prediction, field: str, options: Sequence[str]) -> dict[str, float] | None:
    """Return the probability of every option as the value of `field`."""
    tokens = getattr(reply.get(_LOGPROBS), "content", None) or []
    found = dict.fromkeys(options, 0.0)
    for text, chance in _said_at(tokens, field):
        meant = [option for option in options if option.startswith(text) or text.startswith(option)]
        if len(meant) == 1:
            found[meant[0]] += chance
    total = sum(found.values())
    return {option: chance / total for option, chance in found.items()} if total > 0 else None


def _said_at(tokens: Sequence[Any], field: str) -> Iterator[tuple[str, float]]:
    """Yield the possible starts of the field's value, each with its probability."""
    value = re.search(rf'"{re.escape(field)}"\s*:\s*"?', "".join(token.token for token in tokens))
    left = value.end() if value else -1  # characters up to the value
    for token in tokens:
        if 0 <= left < len(token.token):
            said = {token.token: token.logprob} | {top.token: top.logprob for top in token.top_logprobs or []}
            for text, logprob in said.items():
                if text[:left] == token.token[:left] and text[left:] and not math.isnan(logprob):
                    yield text[left:], math.exp(min(0.0, logprob))
            return
        left -= len(token.token)

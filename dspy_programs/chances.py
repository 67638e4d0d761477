"""How likely each answer was: the chances of the values of a field, from the log-probabilities of a reply's tokens.

A small model that is torn between two answers has to write one of them; its log-probabilities say how torn it was. Where a
grammar holds the reply, they are still the model's own, so what it may not say is left out here and the rest adds up to 1.

Input      reply: a Prediction of a predictor that was called with `config=asking(...)`; field: the name of an output;
           options: the values that it can have, no two with one beginning (numbers of one digit, letters, words).
Output     option -> chance in [0, 1], in the order of `options`; None where the engine gave no log-probabilities, or none
           at the place where the value begins.
Source     token probabilities as weights: G-Eval (Liu et al. 2023).
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import dspy

from dspy_programs.model_in_use import model_in_use

ASK = {"logprobs": True, "top_logprobs": 20}  # the most that servers give
LOGPROBS = "logprobs"


def asking(own: dspy.LM | None = None) -> dict[str, Any]:
    """Return the configuration of a call that asks for them; nothing where the engine does not say it gives them.

    own: the model of the predictor itself, where it has one.
    """
    engine = getattr(model_in_use(own), "engine", None)
    return dict(ASK) if LOGPROBS in getattr(engine, "supported_params", ()) else {}


def chances(reply: dspy.Prediction, field: str, options: Sequence[str]) -> dict[str, float] | None:
    """Return the chance of every option to be the value of `field`."""
    tokens = getattr(reply.get(LOGPROBS), "content", None) or []
    found = dict.fromkeys(options, 0.0)
    for text, chance in said_at(tokens, field):
        meant = [option for option in options if option.startswith(text) or text.startswith(option)]
        if len(meant) == 1:
            found[meant[0]] += chance
    total = sum(found.values())
    return {option: chance / total for option, chance in found.items()} if total > 0 else None


def said_at(tokens: Sequence[Any], field: str) -> Iterator[tuple[str, float]]:
    """Yield what could have stood where the value of the field begins, each with its chance."""
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

"""A scripted model that says how torn it was between its answers: log-probabilities, as llama.cpp and OpenAI give them."""

import math
import re
from collections.abc import Callable, Mapping

import dspy
from dspy import lm15

from tests.fakes import ScriptedEngine, text_of

Chances = Mapping[str, float]  # value -> chance


class TornEngine(ScriptedEngine):
    """Writes {field: the likeliest value}; gives log-probabilities to those who ask, unless it is `mute`."""

    supported_params = ScriptedEngine.supported_params | {"logprobs", "top_logprobs"}

    def __init__(self, field: str, found: Callable[[str], Chances], mute: bool = False) -> None:
        super().__init__(self.likeliest)
        self.field, self.found, self.mute = field, found, mute

    def likeliest(self, prompt: str) -> str:
        found = self.found(prompt)
        return f'{{"{self.field}": "{max(found, key=found.__getitem__)}"}}'

    def complete(self, request):
        response = super().complete(request)
        if self.mute or request.config.logprobs is None:
            return response
        tokens = logprobs_of(response.message.text, self.found(text_of(request)))
        return lm15.Response(
            id=None,
            model=response.model,
            message=response.message,
            finish_reason="stop",
            usage=response.usage,
            logprobs=tokens,
        )


def logprobs_of(text: str, found: Chances) -> tuple[lm15.TokenLogprob, ...]:
    """Cut the text into words and what is between; at a word that is an answer, the others could have stood too."""
    return tuple(token(word, found if word in found else {word: 1.0}) for word in re.findall(r"\w+|\W+", text))


def token(said: str, found: Chances) -> lm15.TokenLogprob:
    top = tuple(lm15.TopLogprob(token=word, logprob=log(chance)) for word, chance in found.items())
    return lm15.TokenLogprob(token=said, logprob=log(found[said]), top=top)


def log(chance: float) -> float:
    return math.log(chance) if chance > 0 else -9999.0  # as llama.cpp writes it


def torn_lm(engine: ScriptedEngine, name: str = "scripted/torn") -> dspy.LM:
    return dspy.LM(name, engine=engine, cache=False, num_retries=0)

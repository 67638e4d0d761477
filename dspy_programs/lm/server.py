"""A model behind an API, held to JSON schemas and asked for log-probabilities where it gives them.

DSPy sends no schema to a model it does not know, and it does not know what runs behind an api base. vLLM, Ollama,
LM Studio and llama.cpp all take one, and a small model needs it. A provider or server that refuses the schema (some take
no bounds on strings) or the log-probabilities is asked again without, once and for all.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import dspy
from dspy import lm15
from dspy.utils.exceptions import LMInvalidRequestError, LMUnsupportedFeatureError

from dspy_programs.lm.redaction import redact

PARAMS = frozenset({"response_format", "temperature", "max_tokens", "top_p", "stop", "seed"})
LOGPROBS = frozenset({"logprobs", "top_logprobs"})
LESS = (frozenset({"logprobs"}), frozenset({"response_format"}), frozenset({"logprobs", "response_format"}))


class ServerEngine:
    """Pass requests on to `lm`, which knows the address, the key and how to retry."""

    def __init__(self, lm: dspy.LM, *, own: bool = True) -> None:
        """own: the server is the user's own, so DSPy's table of models says nothing about it."""
        self.lm, self.own = lm, own
        self.refused: frozenset[str] = frozenset()

    @property
    def supported_params(self) -> frozenset[str]:
        gives = "logprobs" not in self.refused and (self.own or "logprobs" in self.lm.supported_params)
        return PARAMS | LOGPROBS if gives else PARAMS

    @property
    def supports_response_schema(self) -> bool:
        return "response_format" not in self.refused and (self.own or bool(self.lm.supports_response_schema))

    @property
    def supports_function_calling(self) -> bool:
        return not self.own and bool(self.lm.supports_function_calling)

    @property
    def supports_reasoning(self) -> bool:
        return not self.own and bool(self.lm.supports_reasoning)

    def __deepcopy__(self, memo: dict[int, Any]) -> "ServerEngine":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        asked = without(request, self.refused if self.supports_response_schema else {"response_format", *self.refused})
        with dspy.context(disable_history=True):
            try:
                return self.answered(asked)
            except Exception as error:
                redact(error, [str(self.lm.kwargs.get("api_key") or "")])
                raise

    def answered(self, request: lm15.Request) -> lm15.Response:
        try:
            return self.lm(request=request)
        except (LMInvalidRequestError, LMUnsupportedFeatureError) as error:
            return self.asked_for_less(request, error)

    def asked_for_less(self, request: lm15.Request, error: Exception) -> lm15.Response:
        """Ask again without what may be too much, first the one, then the other, then both; else raise the last error."""
        for less in [names for names in LESS if all(getattr(request.config, name) is not None for name in names)]:
            try:
                response = self.lm(request=without(request, less))
            except (LMInvalidRequestError, LMUnsupportedFeatureError) as again:
                error = again
                continue
            self.refused |= less  # for without it, it answered
            return response
        raise error

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        self.lm.close()


def without(request: lm15.Request, names: Iterable[str]) -> lm15.Request:
    return dataclasses.replace(request, config=dataclasses.replace(request.config, **dict.fromkeys(names)))

"""An OpenAI-compatible server of one's own, held to JSON schemas where it can hold them.

DSPy sends no schema to a model it does not know, and it does not know what runs behind an api base. vLLM, Ollama,
LM Studio and llama.cpp all take one, and a small model needs it; a server that refuses it is asked again without.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import dspy
from dspy import lm15
from dspy.utils.exceptions import LMInvalidRequestError, LMUnsupportedFeatureError


class ServerEngine:
    """Pass requests on to `lm`, which knows the address, the key and how to retry."""

    supports_function_calling = False
    supports_reasoning = False
    supported_params = frozenset({"response_format", "temperature", "max_tokens", "top_p", "stop", "seed"})

    def __init__(self, lm: dspy.LM) -> None:
        self.lm = lm
        self.supports_response_schema = True

    def __deepcopy__(self, memo: dict[int, Any]) -> "ServerEngine":
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        with dspy.context(disable_history=True):
            if not (self.supports_response_schema and request.config.response_format):
                return self.lm(request=without_schema(request))
            try:
                return self.lm(request=request)
            except (LMInvalidRequestError, LMUnsupportedFeatureError):
                response = self.lm(request=without_schema(request))
                self.supports_response_schema = False  # it was the schema that it refused
                return response

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        self.lm.close()


def without_schema(request: lm15.Request) -> lm15.Request:
    return dataclasses.replace(request, config=dataclasses.replace(request.config, response_format=None))
